"""Tokens: verified for the doors, and issued on a machine without an identity provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter

from api.rest.token_endpoint import TokenIssuer, entrance
from domain.kernel import Claim
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.shared_limits import SharedLimits
from infrastructure.settings import Settings
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.callers import OrganisationDirectory
from infrastructure.tokens.clients import Clients
from infrastructure.tokens.dpop import Proofs
from infrastructure.tokens.grant import ClientCredentials
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jwks import JwksKeys
from infrastructure.tokens.used_ids import UsedIds
from infrastructure.tokens.verifier import Trust, Verifier

Clock = Callable[[], datetime]


def make_issuer(settings: Settings) -> LocalIssuer:
    return LocalIssuer(settings.data_dir, settings.token_issuer, settings.token_audience, settings.token_role_claim)


def make_authenticator(
    settings: Settings, issuer: LocalIssuer | None, log: PostgresLog, now: Clock, shared: SharedLimits
) -> Verifier:
    """Return the verifier of tokens, with the keys of the local issuer or of `KRONIEK_JWKS_URL`."""
    algorithms = settings.token_algorithms.split(",")
    trust = Trust(settings.token_issuer, settings.token_audience, algorithms, settings.token_role_claim)
    organisations = OrganisationDirectory(_organisation_by_number(log))
    proofs = Proofs(UsedIds(elsewhere=shared.is_first_use))
    return Verifier(issuer or JwksKeys(str(settings.jwks_url)), trust, now, organisations, proofs=proofs)


def _organisation_by_number(log: PostgresLog) -> Callable[[str], Awaitable[str | None]]:
    async def look_up(number: str) -> str | None:
        stream = await log.holder(Claim("enterprise-number", number))
        return None if stream is None else stream.partition("-")[2]

    return look_up


def make_token_endpoint(issuer: LocalIssuer | None, settings: Settings, now: Clock, shared: SharedLimits) -> APIRouter:
    """Return the routes at which registered clients get tokens; without a local issuer, ones that say so."""
    if issuer is None:
        return entrance(None, settings.public_url or "")
    used = UsedIds(elsewhere=shared.is_first_use)
    grant = ClientCredentials(issuer, Clients(settings.data_dir), now, used)
    made = TokenIssuer(name=issuer.issuer, jwks=issuer.jwks, grant=grant, algorithms=ALGORITHMS)
    return entrance(made, settings.public_url or "")
