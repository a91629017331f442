"""Verifies access tokens (RFC 9068): algorithm, key, claims, and possession of the key that a token is bound to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from joserfc.jwk import Key, KeySet
from joserfc.jws import CompactSignature
from joserfc.jwt import Claims

from application.ports import Caller, Credentials
from application.token_refusals import TokenRefusedError
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.callers import OrganisationDirectory, TokenSubject, subject_of
from infrastructure.tokens.dpop import Proofs
from infrastructure.tokens.jose import (
    ESSENTIAL,
    MALFORMED,
    MAX_TOKEN_LENGTH,
    SKEW_S,
    check_claims,
    is_id,
    parse_signed,
    verified_claims,
)
from infrastructure.tokens.jwks import IssuerKeys

TYPE = "at+jwt"
MAX_CACHED_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class Trust:
    """The trusted issuer and the form of its tokens; `role_claim` is the claim that holds the role."""

    issuer: str
    audience: str
    algorithms: Sequence[str] = ALGORITHMS
    role_claim: str = "role"


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token verified with these keys, when it expires, and the thumbprint of the key that it is bound to, if any."""

    subject: TokenSubject
    keys: KeySet
    until: float
    thumbprint: str


class Verifier:
    """Turns credentials into a caller: role and organisation come from the token, never from a body.

    Verified tokens are cached until they expire or the issuer's keys change. Possession is checked for each request.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        trust: Trust,
        now: Callable[[], datetime],
        organisations: OrganisationDirectory | None = None,
        *,
        proofs: Proofs | None = None,
        max_cached: int = MAX_CACHED_TOKENS,
    ) -> None:
        self._max_cached = max_cached
        self._keys = keys
        self._trust = trust
        self._now = now
        self._organisations = organisations or OrganisationDirectory()
        self._proofs = proofs or Proofs()
        self._verified: dict[bytes, _Verified] = {}

    async def __call__(self, credentials: Credentials) -> Caller:
        """Return the caller; raise TokenRefusedError or ProofRefusedError where token or proof is not valid."""
        if len(credentials.token) > MAX_TOKEN_LENGTH:
            raise TokenRefusedError("too long")
        digest = hashlib.sha256(credentials.token.encode(errors="replace")).digest()
        known = self._verified.get(digest)
        now = self._now().timestamp()
        if known is None or known.keys is not await self._keys.key_set() or now >= known.until:
            known = await self._verify(credentials.token)
            if len(self._verified) >= self._max_cached:
                self._verified.clear()
            self._verified[digest] = known
        if bool(known.thumbprint) != (credentials.scheme == "dpop"):
            raise TokenRefusedError("a bound token needs the scheme DPoP, and no other token may have it")
        if known.thumbprint:
            await self._proofs.thumbprint(credentials, now, known.thumbprint)
        return await self._organisations.caller(known.subject)

    async def _verify(self, token: str) -> _Verified:
        try:
            signed = parse_signed(token, kinds={TYPE}, algorithms=self._trust.algorithms)
            key, keys = await self._key(signed)
            claims = verified_claims(signed, key)
            self._check_claims(claims)
            return _Verified(
                subject_of(claims, self._trust.role_claim), keys, claims["exp"] + SKEW_S, _thumbprint(claims)
            )
        except MALFORMED as error:
            raise TokenRefusedError(type(error).__name__) from error

    async def _key(self, signed: CompactSignature) -> tuple[Key, KeySet]:
        """Return the issuer's key that the token names. A token has to name one."""
        kid = signed.protected.get("kid")
        if not is_id(kid):
            raise TokenRefusedError("no key id")
        keys = await self._keys.key_set()
        if kid not in {key.kid for key in keys}:
            # The issuer may have a new key.
            keys = await self._keys.key_set(lacking=kid)
        return keys.get_by_kid(kid, {"use": "sig", "alg": signed.protected["alg"]}), keys

    def _check_claims(self, claims: Claims) -> None:
        """Check the claims of RFC 9068, section 4."""
        check_claims(
            claims,
            self._now().timestamp(),
            iss={"essential": True, "value": self._trust.issuer},
            aud={"essential": True, "value": self._trust.audience},
            sub=ESSENTIAL,
            exp=ESSENTIAL,
            iat=ESSENTIAL,
        )


def _thumbprint(claims: Claims) -> str:
    """Return the thumbprint in `cnf` (RFC 7800), empty if there is none; refuse a binding that is not checked here."""
    if "cnf" not in claims:
        return ""
    confirmation = claims["cnf"]
    if not isinstance(confirmation, Mapping) or confirmation.keys() != {"jkt"} or not is_id(confirmation["jkt"]):
        raise TokenRefusedError("bound in another way")
    return str(confirmation["jkt"])
