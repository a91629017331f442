"""What is asked of those who hold the key-encryption keys (KEK): they wrap the keys that lie in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class BoundKey(NamedTuple):
    """A key, or a wrapped key, and what it is bound to: it is unwrapped only where the same is said of it again."""

    content: bytes
    associated_data: bytes


class KekProvider(Protocol):
    """Holds key-encryption keys by their ids. Its calls may take their time, and come from several threads.

    A key-encryption key that is not there, or cannot be reached, raises KeysUnavailableError.
    """

    @property
    def waits(self) -> bool:
        """Whether its calls wait for another machine, so that they belong in a thread."""

    def new_id(self) -> str:
        """Return the id of a key-encryption key to be made: a word that says which provider it is of, and more."""

    def make(self, kek_id: str) -> None:
        """Make this key-encryption key unless it is there. When it returns, the key is kept for good."""

    def holds(self, kek_id: str) -> bool:
        """Say whether this key-encryption key is there."""

    def wrap(self, kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        """Return the keys wrapped, in order."""

    def unwrap(self, kek_id: str, wrapped: Sequence[BoundKey]) -> Sequence[bytes]:
        """Return the keys again. Raise KeyBrokenError where one was changed, or is bound to something else."""

    def remove(self, kek_id: str) -> None:
        """Destroy a key-encryption key: what is wrapped with it is lost. Safe to repeat."""
