"""OAuth 2 access tokens (RFC 9068): verified against a JWKS, and issued by the platform itself for local use."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jwt import ClaimsOption

from application.ports import Caller, Role
from infrastructure.kept import kept_text

LOG = structlog.get_logger()

ALGORITHMS = ["ES256", "PS256", "RS256"]
LOCAL_ALGORITHM = "ES256"
TYPE = "at+jwt"
SKEW_S = 30
MAX_TOKEN_LENGTH = 8_192
MAX_VERIFIED = 4_096

JWKS_TIMEOUT_S = 5
JWKS_MAX_BYTES = 1_000_000
JWKS_MAX_AGE_S = 900
"""After this time the keys are fetched again, so that one that the issuer has withdrawn loses its force."""

JWKS_PAUSE_S = 10
"""The least time between two fetches: whoever sends tokens with invented keys does not make us flood the issuer."""

# What a token names goes into the log for ever: nothing that is not a plain identifier.
_SUBJECT = re.compile(r"[!-~]{1,255}")
_ORGANISATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class TokenRefusedError(Exception):
    """The token proves nothing here."""


class IssuerUnavailableError(Exception):
    """The issuer's keys cannot be fetched, so nothing can be said about a token."""


class Keys(Protocol):
    """Where the public keys of the issuer come from."""

    async def key_set(self, *, fresh: bool = False) -> KeySet:
        """Return the keys; `fresh` asks for newer ones than were last seen, where that is possible."""


class JwksKeys:
    """The keys at a JWKS address: fetched when first needed, when they grow old, and when a token names an unknown one.

    While the issuer does not answer, the keys that were last seen go on being good for the tokens that name them.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = -math.inf
        self._lock = asyncio.Lock()

    async def key_set(self, *, fresh: bool = False) -> KeySet:
        """Return the keys; raise IssuerUnavailableError if there are none, or newer ones are needed and not there."""
        if self._keys is not None and not fresh and self._clock() - self._fetched_at < JWKS_MAX_AGE_S:
            return self._keys
        async with self._lock:
            if self._clock() - self._tried_at >= JWKS_PAUSE_S:
                await self._try_to_fetch()
        answers = self._fetched_at >= self._tried_at
        if self._keys is None or (fresh and not answers):
            raise IssuerUnavailableError
        return self._keys

    async def _try_to_fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            self._keys = KeySet.import_key_set(await asyncio.to_thread(self._fetch))
        except (OSError, HTTPException, JoseError, ValueError, KeyError, TypeError) as error:
            LOG.warning("jwks_not_fetched", error=type(error).__name__)
        else:
            self._fetched_at = self._clock()
            LOG.info("jwks_fetched", keys=len(self._keys.keys))

    def _fetch(self) -> Any:  # noqa: ANN401 - checked by the key set
        with urllib.request.urlopen(self._url, timeout=JWKS_TIMEOUT_S) as response:  # noqa: S310 - https, by the settings
            return json.loads(response.read(JWKS_MAX_BYTES))


class LocalIssuer:
    """A key of our own, kept in the data folder, with which the platform issues tokens for local use."""

    def __init__(self, folder: Path, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._key = _kept_key(folder / "token-key.json")
        self._keys = KeySet([self._key])

    async def key_set(self, *, fresh: bool = False) -> KeySet:  # noqa: ARG002 - the one key never changes
        return self._keys

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def issue(self, caller: Caller, now: datetime, lifetime: timedelta) -> str:
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": caller.subject,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(uuid4()),
            "role": caller.role.value,
            "organisation": caller.organisation_id,
        }
        header = {"alg": LOCAL_ALGORITHM, "typ": TYPE, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[LOCAL_ALGORITHM])


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was found good by these keys, and until when it is."""

    caller: Caller
    keys: KeySet
    until: float


class Verifier:
    """Turns a bearer token into a caller: role and organisation are the token's word, never the body's.

    A caller sends one token many times: what was verified is remembered, as long as the token and the keys are good.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._verified: dict[bytes, _Verified] = {}

    async def __call__(self, token: str) -> Caller:
        """Return the caller; raise TokenRefusedError for any token that is not a valid access token for us."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenRefusedError("too long")
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._verified.get(digest)
        if known is None or known.keys is not await self._keys.key_set() or not self._is_before(known.until):
            known = await self._verify(token)
            self._remember(digest, known)
        return known.caller

    async def _verify(self, token: str) -> _Verified:
        try:
            decoded, keys = await self._decode(token)
            if str(decoded.header.get("typ", "")).lower().removeprefix("application/") != TYPE:
                raise TokenRefusedError("not an access token")
            self._registry().validate(decoded.claims)
            return _Verified(_caller(decoded.claims), keys, decoded.claims["exp"] + SKEW_S)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise TokenRefusedError(type(error).__name__) from error

    def _is_before(self, until: float) -> bool:
        return self._now().timestamp() < until

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if len(self._verified) >= MAX_VERIFIED:
            self._verified.clear()
        self._verified[digest] = verified

    async def _decode(self, token: str) -> tuple[jwt.Token, KeySet]:
        keys = await self._keys.key_set()
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS), keys
        except InvalidKeyIdError:
            # The issuer may have a new key; one that is unknown still is unknown for good.
            keys = await self._keys.key_set(fresh=True)
            return jwt.decode(token, keys, algorithms=ALGORITHMS), keys

    def _registry(self) -> jwt.JWTClaimsRegistry:
        essential: ClaimsOption = {"essential": True}
        return jwt.JWTClaimsRegistry(
            now=int(self._now().timestamp()),
            leeway=SKEW_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub=essential,
            exp=essential,
            iat=essential,
            role={"essential": True, "values": [role.value for role in Role]},
            organisation=essential,
        )


def _caller(claims: Mapping[str, Any]) -> Caller:
    subject, organisation_id = claims["sub"], claims["organisation"]
    if not (isinstance(subject, str) and _SUBJECT.fullmatch(subject)):
        raise TokenRefusedError("sub is not a plain identifier")
    if not (isinstance(organisation_id, str) and _ORGANISATION.fullmatch(organisation_id)):
        raise TokenRefusedError("organisation is not an id")
    return Caller(subject=subject, role=Role(claims["role"]), organisation_id=organisation_id)


def _kept_key(path: Path) -> ECKey:
    return ECKey.import_key(json.loads(kept_text(path, lambda: json.dumps(_new_key()))))


def _new_key() -> dict[str, Any]:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": LOCAL_ALGORITHM, "kid": str(uuid4())})
    return dict(key.as_dict(private=True))
