"""Keys in memory, with the same promises as a `Keyring`: for tests."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.keys.data_keys import KEY_BYTES, KEY_ID_BYTES, DataKey, KeyOwner, UnknownKeyError


class MemoryKeys:
    """Keeps keys until the process ends."""

    def __init__(self) -> None:
        self._by_owner: dict[KeyOwner, DataKey | None] = {}
        self._by_id: dict[bytes, KeyOwner] = {}

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        keys = {owner: self._by_owner[owner] if owner in self._by_owner else self._make(owner) for owner in owners}
        return {owner: key for owner, key in keys.items() if key is not None}

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        if not self._by_id.keys() >= set(key_ids):
            raise UnknownKeyError("a text is sealed with a key that was never given")
        keys = {key_id: self._by_owner[self._by_id[key_id]] for key_id in key_ids}
        return {key_id: key for key_id, key in keys.items() if key is not None}

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        self._by_owner.update(dict.fromkeys(owners))

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        assert all(self._by_owner.get(owner) is None for owner in owners), "only what was destroyed is shredded"

    def _make(self, owner: KeyOwner) -> DataKey:
        key = DataKey(secrets.token_bytes(KEY_ID_BYTES), AESGCM(secrets.token_bytes(KEY_BYTES)))
        self._by_owner[owner] = key
        self._by_id[key.key_id] = owner
        return key
