"""Limits and policies of the doors, made from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import AdHoc, GraphPolicy, Introspection
from api.rest.person_lookups import LookupLimits
from api.web.middleware import RequestLimits
from api.web.rate_limits import Buckets
from api.web.shared_buckets import SharedBuckets
from application.fair_turns import TurnLimits
from infrastructure.postgres.shared_limits import SharedLimits
from infrastructure.settings import Environment, Settings

MakeLimit: TypeAlias = Callable[[str, int], Buckets]
"""Makes a limit, from the name of its policy and the tokens of a minute."""

LONG_READ_S = 0.05
"""An organisation whose reads take longer reads less at once."""


def limits_of_all_processes(shared: SharedLimits) -> MakeLimit:
    """Return what makes limits that all processes on the database keep together."""
    return partial(SharedBuckets, lease=shared.lease)


def request_limits(settings: Settings) -> RequestLimits:
    """Return the limits of every request."""
    https = (settings.public_url or "").startswith("https:")
    return RequestLimits(timeout_s=settings.request_timeout_s, https=https)


def turn_limits(settings: Settings) -> TurnLimits:
    """Return how many requests read at once, and how many of one organisation."""
    share = settings.query_share or max(settings.query_connections // 2, 1)
    return TurnLimits(
        turns=settings.query_connections,
        share=share,
        waiting=settings.query_waiting,
        wait_s=settings.query_wait_s,
        long_s=LONG_READ_S,
        long_share=min(max((os.cpu_count() or 1) // 2, 1), share),
    )


def lookup_limits(settings: Settings, limit: MakeLimit) -> LookupLimits:
    """Return how many persons an organisation may look up in a minute, and how many look-ups may find nobody."""
    return LookupLimits(
        asked=limit("lookups", settings.lookups_per_minute),
        missed=limit("lookup-misses", settings.lookup_misses_per_minute),
    )


def graph_policy(settings: Settings, limit: MakeLimit) -> GraphPolicy:
    """Return the policy for queries. Outside of a local environment, only trusted documents are answered by default."""
    trusting = settings.environment is Environment.LOCAL
    return GraphPolicy(
        limits=Limits(
            tokens=settings.graphql_tokens,
            depth=settings.graphql_depth,
            aliases=settings.graphql_aliases,
            directives=settings.graphql_directives,
            cost=settings.graphql_cost,
        ),
        ad_hoc=AdHoc(settings.graphql_ad_hoc or (AdHoc.ALLOWED if trusting else AdHoc.SCOPE)),
        introspection=Introspection(
            settings.graphql_introspection or (Introspection.ALLOWED if trusting else Introspection.OVERSEERS)
        ),
        documents=settings.documents_folder,
        budget=limit("cost", settings.graphql_cost_per_minute),
    )
