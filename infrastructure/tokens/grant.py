"""Client credentials with a signed assertion (RFC 6749, section 4.4; RFC 7523): how programs get tokens locally."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from joserfc.jwt import Claims

from application.ports import Credentials
from application.token_refusals import GrantRefusedError, ProofRefusedError
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.clients import Client, Clients
from infrastructure.tokens.dpop import Proofs
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jose import (
    ESSENTIAL,
    MALFORMED,
    SKEW_S,
    check_claims,
    claims_in,
    is_id,
    parse_signed,
    verified_claims,
)
from infrastructure.tokens.used_ids import UsedIds

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = timedelta(minutes=10)
ASSERTION_MAX_S = 3_600
"""How far ahead an assertion may expire: it is remembered until then."""

_ASSERTION_KINDS = frozenset({"", "jwt", "client-authentication+jwt"})


class ClientCredentials:
    """Gives tokens to registered clients; each assertion and each proof is valid once."""

    def __init__(
        self, issuer: LocalIssuer, clients: Clients, now: Callable[[], datetime], used: UsedIds | None = None
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._now = now
        self._used = used or UsedIds()
        self._proofs = Proofs(self._used)

    async def __call__(self, fields: Mapping[str, str], proofs: Sequence[str], address: str) -> dict[str, object]:
        """Return the answer of RFC 6749, section 5.1; raise GrantRefusedError otherwise.

        `fields` are those of the form, `proofs` the DPoP headers, `address` is that of the endpoint.
        """
        _check_fields(fields)
        client, claims = self._authenticated(fields, address)
        thumbprint = await self._thumbprint(proofs, address)
        now, ends_at = self._now(), claims["exp"] + SKEW_S + 1
        used = client.caller.subject, claims["jti"]
        if not await self._used.is_first_anywhere(*used, now=now.timestamp(), until=ends_at):
            raise GrantRefusedError("invalid_client", "The assertion was used before.")
        return {
            "access_token": self._issuer.issue(client.caller, now, LIFETIME, thumbprint=thumbprint),
            "token_type": "DPoP" if thumbprint else "Bearer",
            "expires_in": int(LIFETIME.total_seconds()),
        }

    def _authenticated(self, fields: Mapping[str, str], address: str) -> tuple[Client, Claims]:
        try:
            signed = parse_signed(fields["client_assertion"], kinds=_ASSERTION_KINDS, algorithms=ALGORITHMS)
            client = self._clients.get(claims_in(signed).get("sub"))
            if client is None:
                raise KeyError("sub")
            claims = verified_claims(signed, client.key)
            self._check_claims(claims, client.caller.subject, fields, address)
        except MALFORMED as error:
            # The answer does not say which check failed: the caller is not known to be a client.
            raise GrantRefusedError("invalid_client", "The assertion does not prove who asks.") from error
        return client, claims

    def _check_claims(self, claims: Claims, client_id: str, fields: Mapping[str, str], address: str) -> None:
        """Check what RFC 7523, section 3, asks for, with `jti` obligatory and the end not far ahead."""
        now = self._now().timestamp()
        check_claims(
            claims,
            now,
            iss={"essential": True, "value": client_id},
            aud={"essential": True, "values": [self._issuer.issuer, address]},
            exp=ESSENTIAL,
        )
        if claims["exp"] - now > ASSERTION_MAX_S + SKEW_S or not is_id(claims.get("jti")):
            raise ValueError("exp or jti")
        if fields.get("client_id", client_id) != client_id:
            raise ValueError("client_id")

    async def _thumbprint(self, proofs: Sequence[str], address: str) -> str:
        if not proofs:
            return ""
        credentials = Credentials(token="", proofs=proofs, method="POST", address=address)
        try:
            return await self._proofs.thumbprint(credentials, self._now().timestamp())
        except ProofRefusedError as error:
            raise GrantRefusedError("invalid_dpop_proof", "The DPoP proof proves nothing here.") from error


def _check_fields(fields: Mapping[str, str]) -> None:
    if "grant_type" not in fields:
        raise GrantRefusedError("invalid_request", "grant_type is missing.")
    if fields["grant_type"] != GRANT_TYPE:
        raise GrantRefusedError("unsupported_grant_type", f"Tokens are given for {GRANT_TYPE}.")
    if "client_assertion" not in fields or "client_secret" in fields:
        raise GrantRefusedError("invalid_client", "A client proves who it is with client_assertion.")
    if fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise GrantRefusedError("invalid_request", f"client_assertion_type is {ASSERTION_TYPE}.")
    if "scope" in fields:
        raise GrantRefusedError("invalid_scope", "Clients have no scopes here: their role says what they may do.")
