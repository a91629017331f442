"""Who calls: tokens verified for the doors, and issued on a machine without an identity provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import structlog
from fastapi import APIRouter

from api.rest.token_endpoint import TokenIssuer, TokenNotGivenError, entrance
from api.web.errors import Problem
from api.web.platform import InvalidProofError, InvalidTokenError
from application.ports import Caller, Credentials
from domain.kernel import Claim
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.settings import Settings
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.callers import OrganisationDirectory
from infrastructure.tokens.clients import Clients
from infrastructure.tokens.grant import ClientCredentials
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jwks import JwksKeys
from infrastructure.tokens.token_refusals import (
    GrantRefusedError,
    IssuerUnavailableError,
    ProofRefusedError,
    TokenRefusedError,
)
from infrastructure.tokens.verifier import Trust, Verifier

LOG = structlog.get_logger()
RETRY_AFTER_S = 1
Clock = Callable[[], datetime]
Authenticate = Callable[[Credentials], Awaitable[Caller]]


def make_issuer(settings: Settings) -> LocalIssuer:
    return LocalIssuer(settings.data_dir, settings.token_issuer, settings.token_audience, settings.token_role_claim)


def make_authenticator(settings: Settings, issuer: LocalIssuer | None, log: PostgresLog, now: Clock) -> Authenticate:
    """Return what verifies the token of a request, by the keys of the local issuer or of `KRONIEK_JWKS_URL`.

    It raises InvalidTokenError, InvalidProofError, or a Problem if the issuer's keys cannot be had.
    """
    algorithms = settings.token_algorithms.split(",")
    trust = Trust(settings.token_issuer, settings.token_audience, algorithms, settings.token_role_claim)
    organisations = OrganisationDirectory(_organisation_by_number(log))
    verifier = Verifier(issuer or JwksKeys(str(settings.jwks_url)), trust, now, organisations)

    async def authenticate(shown: Credentials) -> Caller:
        try:
            return await verifier(shown)
        except TokenRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        except ProofRefusedError as error:
            raise InvalidProofError(str(error)) from error
        except IssuerUnavailableError as error:
            LOG.warning("issuer_unavailable")
            detail = "The token cannot be verified just now. Send the same request again."
            raise Problem(503, "issuer-unavailable", detail, retry_after_s=RETRY_AFTER_S) from error

    return authenticate


def _organisation_by_number(log: PostgresLog) -> Callable[[str], Awaitable[str | None]]:
    async def look_up(number: str) -> str | None:
        stream = await log.holder(Claim("enterprise-number", number))
        return None if stream is None else stream.partition("-")[2]

    return look_up


def make_token_endpoint(issuer: LocalIssuer | None, settings: Settings, now: Clock) -> APIRouter:
    """Return the routes at which registered clients get tokens; without a local issuer, ones that say so."""
    return entrance(None if issuer is None else _token_issuer(issuer, settings, now), settings.public_url or "")


def _token_issuer(issuer: LocalIssuer, settings: Settings, now: Clock) -> TokenIssuer:
    grant = ClientCredentials(issuer, Clients(settings.data_dir), now)

    def give(fields: Mapping[str, str], proofs: Sequence[str], address: str) -> Mapping[str, object]:
        try:
            answer = grant(fields, proofs, address)
        except GrantRefusedError as error:
            LOG.info("token_not_given", why=error.code)
            raise TokenNotGivenError(error.code, error.description) from error
        LOG.info("token_given", kind=answer["token_type"])
        return answer

    return TokenIssuer(name=issuer.issuer, jwks=issuer.jwks, grant=give, algorithms=ALGORITHMS)
