"""The public keys of an issuer, fetched from a JWKS address (RFC 7517) and cached."""

from __future__ import annotations

import asyncio
import json
import math
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from application.token_refusals import IssuerUnavailableError

LOG = structlog.get_logger()

JWKS_MAX_AGE_S = 900
"""The keys are fetched again after this time, so that a key that the issuer withdrew becomes invalid."""

JWKS_MIN_INTERVAL_S = 10
"""The least time between two fetches: tokens with invented key ids do not flood the issuer with requests."""

JWKS_UNKNOWN_KEY_S = 60
"""How long a key id that the issuer does not know is not fetched again."""

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksLimits:
    """`timeout_s` is for the whole answer, also one that comes slowly; `unknown_keys` is how many are remembered."""

    timeout_s: float = 5
    answer_bytes: int = 1_000_000
    unknown_keys: int = 1_024


class IssuerKeys(Protocol):
    """The public keys of the issuer."""

    async def key_set(self, *, lacking: str = "") -> KeySet:
        """Return the keys; `lacking` is a key id that is missing in the cached ones, so newer ones are needed."""


class JwksKeys:
    """The keys at a JWKS address: fetched when first needed, when too old, and when a token names an unknown one.

    However many requests wait, one fetch is under way. While the issuer does not answer, the keys that were last seen
    go on being good for the tokens that name them.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, *, limits: JwksLimits | None = None
    ) -> None:
        self._url = url
        self._clock = clock
        self._limits = limits or JwksLimits()
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self._unknown: OrderedDict[str, float] = OrderedDict()

    async def key_set(self, *, lacking: str = "") -> KeySet:
        """Return the keys; raise IssuerUnavailableError if the needed ones cannot be fetched."""
        if self._keys is not None and not self._wants_newer(lacking):
            return self._keys
        fetched_before = self._fetched_at
        await self._refresh()
        if self._keys is None or (lacking and self._fetched_at < self._tried_at):
            raise IssuerUnavailableError
        if lacking and self._fetched_at > fetched_before and lacking not in {key.kid for key in self._keys}:
            self._unknown[lacking] = self._clock() + JWKS_UNKNOWN_KEY_S
            self._unknown.move_to_end(lacking)
            while len(self._unknown) > self._limits.unknown_keys:
                self._unknown.popitem(last=False)
        return self._keys

    def _wants_newer(self, lacking: str) -> bool:
        if lacking:
            return self._clock() >= self._unknown.get(lacking, -math.inf)
        # The cached keys are used while newer ones are fetched.
        return self._fetching is None and self._clock() - self._fetched_at >= JWKS_MAX_AGE_S

    async def _refresh(self) -> None:
        if self._fetching is None:
            if self._clock() - self._tried_at < JWKS_MIN_INTERVAL_S:
                return
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        # A cancelled caller does not cancel the fetch of the others.
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            content = await asyncio.to_thread(_read, self._url, self._limits)
            self._keys = KeySet.import_key_set(json.loads(content))
        except (OSError, HTTPException, JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
            LOG.warning("jwks_not_fetched", error=type(error).__name__)
        else:
            self._fetched_at = self._clock()
            LOG.info("jwks_fetched", keys=len(self._keys.keys))
        finally:
            self._fetching = None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: it could lead away from https."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _read(url: str, limits: JwksLimits) -> bytearray:
    ends_at = time.monotonic() + limits.timeout_s
    opener = urllib.request.build_opener(_NoRedirects)
    content = bytearray()
    with opener.open(url, timeout=limits.timeout_s) as response:  # https, by the settings
        while chunk := response.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > limits.answer_bytes:
                raise ValueError("too large")
            if time.monotonic() > ends_at:
                raise TimeoutError
    return content
