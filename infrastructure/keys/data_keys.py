"""What a key is, whose it is, and what everyone who seals or opens asks of those who keep the keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.kernel import PurposeGroup

KEY_BYTES = 32
"""AES-256 (FIPS 197)."""

KEY_ID_BYTES = 16


class KeyOwner(NamedTuple):
    """Whose key: a data subject by their pseudonymous id, and what the data is kept for."""

    subject_id: str
    group: PurposeGroup


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key with its id of 16 random bytes. The cipher holds the key itself, which is never shown."""

    key_id: bytes
    cipher: AESGCM = field(repr=False)


class UnknownKeyError(LookupError):
    """A text is sealed with a key that was never given. That is damage or forgery, and never an erasure."""


class KeysUnavailableError(RuntimeError):
    """The keys cannot be reached just now. Nothing was sealed or opened; asking again is safe."""


class KeyBrokenError(ValueError):
    """A wrapped key is not what was wrapped for its owner: it was changed, or put in the place of another one."""


class Keys(Protocol):
    """Keeps the keys. A key that was destroyed stays known as such for ever."""

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        """Return the key of each owner, made where there is none yet; an owner whose key was destroyed is left out.

        A key that was made is on disk before it is returned.
        """

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        """Return the keys with these ids; one that was destroyed is left out. Raise UnknownKeyError for any other."""

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        """Destroy the keys of these owners for good; who has none will never get one. Safe to repeat.

        When it returns, the destruction is on disk, and no process seals or opens with these keys any more.
        """

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        """See to it that of destroyed keys no bytes are left where they lay. Safe to repeat."""
