"""Keys in a database of a test's own, which several processes open, as far as the database can tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KeyOwner, KeysUnavailableError
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.provider import KekProvider

ANN = KeyOwner("ann", PurposeGroup.IDENTIFICATION)
ANN_MAIL = KeyOwner("ann", PurposeGroup.CORRESPONDENCE)
BOB = KeyOwner("bob", PurposeGroup.IDENTIFICATION)
LEASE_S = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys are kept, and those that wrap them. `reconnect_timeout_s` is shorter than the platform's own."""

    url: str
    folder: Path

    def opened(self, *, lease_s: float = LEASE_S, reconnect_timeout_s: float = 5, **bounds: int) -> Keyring:
        """Open them as one process does; those of one database have the same lease."""
        return Keyring(
            self.url,
            self.provider(),
            lease_s=lease_s,
            reconnect_timeout_s=reconnect_timeout_s,
            **({"max_cached": 100} | bounds),
        )

    def provider(self) -> FileProvider:
        return FileProvider(self.folder / "keys")


def person(number: int, group: PurposeGroup = PurposeGroup.IDENTIFICATION) -> KeyOwner:
    return KeyOwner(f"person-{number}", group)


def holds(provider: KekProvider, kek_id: str) -> bool:
    """Whether a provider can use a key-encryption key."""
    try:
        provider.wrap(kek_id, ())
    except KeysUnavailableError:
        return False
    return True
