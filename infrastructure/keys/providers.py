"""All configured key providers: the chosen one wraps new keys, and each one unwraps its own.

A rotation moves the platform from one provider to another, with both of them configured meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infrastructure.keys import file_provider
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.provider import BoundKey, KekProvider
from infrastructure.settings import Settings


class KekProviders:
    """Several key providers as one, chosen by the first word of a key's id, which is their name in the settings."""

    def __init__(self, chosen: str, providers: Mapping[str, KekProvider]) -> None:
        self._chosen = chosen
        self._providers = providers
        self.waits = any(provider.waits for provider in providers.values())

    def new_id(self) -> str:
        return self._providers[self._chosen].new_id()

    def make(self, kek_id: str) -> None:
        self._of(kek_id).make(kek_id)

    def wrap(self, kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        return self._of(kek_id).wrap(kek_id, keys)

    def unwrap(self, kek_id: str, wrapped: Sequence[BoundKey]) -> Sequence[bytes]:
        return self._of(kek_id).unwrap(kek_id, wrapped)

    def remove(self, kek_id: str) -> None:
        self._of(kek_id).remove(kek_id)

    def _of(self, kek_id: str) -> KekProvider:
        kind = kek_id.partition("-")[0]
        if kind not in self._providers:
            raise KeysUnavailableError(f"no key provider is set that holds the key-encryption key {kek_id}")
        return self._providers[kind]


def make_provider(settings: Settings) -> KekProviders:
    """Make the configured providers. A token is reached when it is first needed."""
    folder = settings.keys_folder or settings.data_dir / "keys"
    providers: dict[str, KekProvider] = {file_provider.KIND: FileProvider(folder)}
    if settings.pkcs11_module and settings.pkcs11_token and settings.pkcs11_pin:
        # Loads a shared library, so only where a token is configured.
        from infrastructure.keys import pkcs11_provider  # noqa: PLC0415

        providers[pkcs11_provider.KIND] = pkcs11_provider.Pkcs11Provider(
            settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin, settings.pkcs11_key_label
        )
    return KekProviders(settings.keys_provider, providers)
