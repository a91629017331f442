"""Data keys, their owners, and the port through which sealing and opening get them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.kernel import PurposeGroup

KEY_BYTES = 32
"""AES-256 (FIPS 197)."""

KEY_ID_BYTES = 16

NONCE_BYTES = 12
"""96 random bits; a key encrypts far fewer than the 2^32 texts up to which that is safe (NIST SP 800-38D, 8.3)."""


class KeyOwner(NamedTuple):
    """The owner of a key: the pseudonymous id of a data subject, and the purpose of the data."""

    subject_id: str
    group: PurposeGroup


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key with its id of 16 random bytes. Only the cipher holds the key itself."""

    key_id: bytes
    cipher: AESGCM = field(repr=False)


class UnknownKeyError(LookupError):
    """A text is sealed with a key that never existed: damage or forgery, never an erasure."""


class KeysUnavailableError(RuntimeError):
    """The keys cannot be reached. Nothing was sealed or opened; the call is safe to repeat."""


class KeyBrokenError(ValueError):
    """A wrapped key was changed, or belongs to another owner."""


class Keys(Protocol):
    """Keeps the keys. A destroyed key is remembered as destroyed for ever."""

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        """Return the key of each owner, made where there is none yet; an owner whose key was destroyed is left out.

        A key that was made is on disk before it is returned.
        """

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        """Return the keys with these ids; one that was destroyed is left out. Raise UnknownKeyError for any other."""

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        """Destroy the keys of these owners for good; an owner without a key never gets one. Safe to repeat.

        When it returns, the destruction is on disk, and no process seals or opens with these keys any more.
        """

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        """Overwrite the bytes of destroyed keys. Safe to repeat."""
