"""What every door needs of the platform, and who calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from api.errors import Problem
from application.handler import Rules
from application.memory import Recent
from application.ports import Caller, EventStore
from domain.kernel import Claim
from projections.progress import Place


class Log(EventStore, Protocol):
    """The log, with the look-up of who holds a claimed value."""

    async def holder(self, claim: Claim) -> str | None:
        """Return the stream that holds the value, if any."""

    async def log_id(self) -> str:
        """Return which log this is: a position means something in this log only."""


class InvalidTokenError(Exception):
    """The bearer token proves nothing: malformed, expired, of another issuer or for another audience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts that the composition root put together.

    `authenticate` turns a bearer token into a caller or raises `InvalidTokenError`; `seal` is a keyed hash; `places`
    says where each read model is, by the name of its table.
    """

    log: Log
    rules: Rules
    recent: Recent
    reads: AsyncEngine
    authenticate: Callable[[str], Awaitable[Caller]]
    seal: Callable[[bytes], bytes]
    places: Callable[[], Awaitable[Mapping[str, Place]]]
    now: Callable[[], datetime]


async def caller_of(connection: HTTPConnection, platform: Platform) -> Caller:
    """Return who calls; refuse a request without a valid bearer token (RFC 6750)."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "unauthenticated", "A bearer token is needed.", headers={"WWW-Authenticate": "Bearer"})
    try:
        return await platform.authenticate(token.strip())
    except InvalidTokenError as error:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Problem(401, "invalid-token", "The bearer token is not valid.", headers=challenge) from error
