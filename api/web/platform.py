"""The parts of the platform that the doors use, and the caller of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import structlog
from sqlalchemy import Table
from starlette.requests import HTTPConnection

from api.web.cached_reading import CachedReading
from api.web.door_bounds import BOUNDS, Bounds
from api.web.errors import Problem
from api.web.head_as_get import sent_method
from api.web.header_fields import header_field, header_fields
from api.web.known_places import KnownPlaces
from api.web.rate_limits import Buckets, charge
from api.web.request_context import ORGANISATION
from api.web.request_reads import OpenState
from application.gathering import Rules
from application.ports import Caller, Credentials, EventStore, Opener
from application.token_refusals import IssuerUnavailableError, ProofRefusedError, TokenRefusedError
from application.unit_of_work import StateCache
from projections.prepared_statements import ReadStatements

LOG = structlog.get_logger()

RETRY_AFTER_S = 1
SCHEMES = frozenset({"bearer", "dpop"})

Places: TypeAlias = CachedReading[KnownPlaces]
"""Reads the place of each read model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts that the composition root put together.

    `authenticate` turns credentials into a caller or raises a refusal of `application.token_refusals`; `keyed_hash` is
    one; `open_state` opens one state of the read models for an organisation's request, and `read_statements` reads it
    with statements made ahead; `seen_rows` estimates how many rows of a table a caller sees; `opener` opens sealed
    texts; `places` reads where each read model is, for all requests of a moment at once.
    `requests` is how many each organisation may send in a minute. `public_url` is where clients reach the API, if that
    is set; `proof_algorithms` are those of DPoP proofs.
    """

    log: EventStore
    rules: Rules
    state_cache: StateCache
    open_state: OpenState
    read_statements: ReadStatements
    seen_rows: Callable[[Table, Caller], Awaitable[int]]
    authenticate: Callable[[Credentials], Awaitable[Caller]]
    keyed_hash: Callable[[bytes], bytes]
    opener: Opener
    places: Places
    now: Callable[[], datetime]
    requests: Buckets = field(default_factory=lambda: Buckets("requests", 0))
    public_url: str = ""
    proof_algorithms: Sequence[str] = ()
    bounds: Bounds = BOUNDS


async def caller_of(connection: HTTPConnection, platform: Platform) -> Caller:
    """Return who calls; refuse a request without a valid token, shown as RFC 6750 or RFC 9449 says."""
    fields = header_fields(connection.scope)
    given = "" if b"authorization" in fields.repeated else header_field(connection.scope, b"authorization")
    scheme, _, token = given.partition(" ")
    scheme, token = scheme.lower(), token.strip()
    if scheme not in SCHEMES or not token:
        headers = {"WWW-Authenticate": f"Bearer, DPoP {_algorithms(platform)}"}
        raise Problem(401, "unauthenticated", "A token is needed, as Bearer or DPoP.", headers=headers)
    shown = Credentials(
        token=token,
        scheme=scheme,
        proofs=connection.headers.getlist("dpop") if b"dpop" in fields.first else (),
        method=sent_method(connection.scope),
        address=address_of(connection, platform.public_url) if scheme == "dpop" else "",
    )
    try:
        caller = await platform.authenticate(shown)
    except TokenRefusedError as error:
        bound = f'DPoP error="invalid_token", {_algorithms(platform)}'
        headers = {"WWW-Authenticate": bound if scheme == "dpop" else 'Bearer error="invalid_token"'}
        raise Problem(401, "invalid-token", "The token is not valid.", headers=headers) from error
    except ProofRefusedError as error:
        headers = {"WWW-Authenticate": f'DPoP error="invalid_dpop_proof", {_algorithms(platform)}'}
        raise Problem(401, "invalid-dpop-proof", "The DPoP proof is not valid.", headers=headers) from error
    except IssuerUnavailableError as error:
        LOG.warning("issuer_unavailable")
        detail = "The token cannot be verified just now. Send the same request again."
        raise Problem(503, "issuer-unavailable", detail, retry_after_s=RETRY_AFTER_S) from error
    connection.scope.setdefault("state", {})[ORGANISATION] = caller.organisation_id
    allowance = await charge(connection, platform.requests, caller.organisation_id)
    if not allowance.granted:
        detail = "Your organisation asks too often. Ask again later."
        raise Problem(429, "rate-limited", detail, retry_after_s=allowance.enough_in_s)
    return caller


def _algorithms(platform: Platform) -> str:
    return f'algs="{" ".join(platform.proof_algorithms)}"'


def base_of(connection: HTTPConnection, public_url: str) -> str:
    """Return the base of our addresses, without a slash at the end: `public_url`, else the host of the request."""
    return public_url or f"{connection.scope['scheme']}://{connection.headers.get('host', '')}"


def address_of(connection: HTTPConnection, public_url: str) -> str:
    """Return the address of a request, without its query."""
    path: bytes = connection.scope.get("raw_path") or connection.scope["path"].encode()
    return base_of(connection, public_url) + path.decode("latin-1").partition("?")[0]
