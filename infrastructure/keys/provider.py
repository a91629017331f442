"""The port of key-encryption keys (KEK), which wrap the keys in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class BoundKey(NamedTuple):
    """A key, or a wrapped key, with its associated data (NIST SP 800-38D): unwrapping needs the same data again."""

    content: bytes
    associated_data: bytes


class KekProvider(Protocol):
    """Holds key-encryption keys by their ids. Its calls may take long, and come from several threads.

    A key-encryption key that is not there, or cannot be reached, raises KeysUnavailableError.
    """

    @property
    def waits(self) -> bool:
        """Whether its calls wait for another machine, so that they belong in a thread."""

    def new_id(self) -> str:
        """Return the id of a key-encryption key to be made; it begins with the kind of the provider."""

    def make(self, kek_id: str) -> None:
        """Make this key-encryption key unless it exists. When it returns, the key is durable."""

    def wrap(self, kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        """Return the keys wrapped, in order."""

    def unwrap(self, kek_id: str, wrapped: Sequence[BoundKey]) -> Sequence[bytes]:
        """Return the keys. Raise KeyBrokenError where one was changed, or has other associated data."""

    def remove(self, kek_id: str) -> None:
        """Destroy a key-encryption key: keys wrapped with it are lost. Safe to repeat."""


def unwrap_each(provider: KekProvider, wrapped: Sequence[tuple[str, BoundKey]]) -> Sequence[bytes]:
    """Return the keys, in order; each comes with the id of the key-encryption key that wraps it."""
    opened: dict[BoundKey, bytes] = {}
    for kek_id in {kek_id for kek_id, _ in wrapped}:
        own = [key for each, key in wrapped if each == kek_id]
        opened |= zip(own, provider.unwrap(kek_id, own), strict=True)
    return [opened[key] for _, key in wrapped]
