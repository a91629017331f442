"""Who may ask what: limits of documents, trusted documents, introspection, and the budget of each organisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from starlette.requests import HTTPConnection

from api.graph.protocol.limits import Limits
from api.rights.roles import OVERSEERS
from api.web.errors import Problem
from api.web.rate_limits import Buckets, charge
from application.ports import Caller

AD_HOC_SCOPE = "graphql:ad-hoc"


class AdHoc(StrEnum):
    """Who may send a document that is not on the list of their organisation."""

    ALLOWED = "allowed"
    SCOPE = "scope"
    REFUSED = "refused"


class Introspection(StrEnum):
    """Who may ask for the schema, and gets errors that suggest similar names."""

    ALLOWED = "allowed"
    OVERSEERS = "overseers"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPolicy:
    """The limits and permissions of all requests. Without a folder no document is trusted.

    Without `planned`, every document is executed in the standard way, also one that could be answered by a plan.
    """

    limits: Limits = field(default_factory=Limits)
    ad_hoc: AdHoc = AdHoc.ALLOWED
    introspection: Introspection = Introspection.ALLOWED
    documents: Path | None = None
    planned: bool = True
    budget: Buckets = field(default_factory=partial(Buckets, "cost", 0))

    def may_ask_ad_hoc(self, caller: Caller) -> bool:
        match self.ad_hoc:
            case AdHoc.ALLOWED:
                return True
            case AdHoc.SCOPE:
                return caller.role in OVERSEERS or AD_HOC_SCOPE in caller.scopes
            case AdHoc.REFUSED:
                return False

    def may_introspect(self, caller: Caller) -> bool:
        match self.introspection:
            case Introspection.ALLOWED:
                return True
            case Introspection.OVERSEERS:
                return caller.role in OVERSEERS
            case Introspection.REFUSED:
                return False

    async def charge(self, connection: HTTPConnection, caller: Caller, cost: int) -> None:
        """Take a query's cost from the budget of the caller's organisation; refuse it where too little is left."""
        detail = "Your organisation has used up what its queries may cost in a minute. Ask again a little later."
        allowance = await charge(connection, self.budget, caller.organisation_id, cost)
        if not allowance.granted:
            raise Problem(429, "cost-budget-spent", detail, retry_after_s=allowance.enough_in_s)
