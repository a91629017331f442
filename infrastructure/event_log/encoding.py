"""Turns appends into bytes and digests."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from application.ports import Append, Erased, Withdrawn
from domain.kernel import Claim
from infrastructure.codec import Codec
from infrastructure.event_log.resolve import Encoded
from infrastructure.keys.data_keys import DataKey, KeyOwner, Keys, KeysUnavailableError
from infrastructure.sealing import EventPlace, owners, personal_fields, seal

ROW_BYTES = 300
"""The size of an event besides its payload, roughly."""


class Encoder:
    """Seals and encodes events; hashes claimed values with a key, so that nobody can guess them from the table.

    Without keys it raises KeysUnavailableError for events with personal data: they are never written in clear.
    """

    def __init__(self, codec: Codec, claim_key: bytes, keys: Keys | None = None) -> None:
        self._codec = codec
        self._claim_key = claim_key
        self._keys = keys

    async def encode(self, appends: Sequence[Append]) -> list[Encoded | Erased | Withdrawn]:
        """Return each append encoded, in order; Erased where its data subject was erased.

        The others of its group are Withdrawn then.
        """
        if not _any_personal(appends):
            return [self._encode(append, append.events) for append in appends]
        needed = [owners(append.events) for append in appends]
        if not any(needed):
            return [self._encode(append, append.events) for append in appends]
        if self._keys is None:
            raise KeysUnavailableError("personal data is written with keys only")
        keys = await self._keys.for_sealing({owner for each in needed for owner in each})
        encoded = [self._sealed(append, own, keys) for append, own in zip(appends, needed, strict=True)]
        fallen = {it.group for it, found in zip(appends, encoded, strict=True) if isinstance(found, Erased)} - {""}
        return [Withdrawn() if isinstance(it, Encoded) and it.append.group in fallen else it for it in encoded]

    def _sealed(self, append: Append, needed: Sequence[KeyOwner], keys: Mapping[KeyOwner, DataKey]) -> Encoded | Erased:
        for owner in needed:
            if owner not in keys:
                return Erased(owner.subject_id)
        if not needed:
            return self._encode(append, append.events)
        # An append is accepted only at the version at which its stream was read.
        before = append.expected[append.stream]
        places = [
            EventPlace(append.stream, version, self._codec.names[type(event)])
            for version, event in enumerate(append.events, before + 1)
        ]
        return self._encode(append, [seal(event, at, keys) for event, at in zip(append.events, places, strict=True)])

    def _encode(self, append: Append, sealed: Sequence[object]) -> Encoded:
        events, size = [], ROW_BYTES
        for event in sealed:
            encoded = self._codec.encode(event)
            events.append(encoded)
            size += ROW_BYTES + len(encoded[1])
        claims = [(claim, self.digest(claim)) for claim in append.claims] if append.claims else ()
        return Encoded(append, events, claims, size)

    def digest(self, claim: Claim) -> bytes:
        return hmac.digest(self._claim_key, f"{claim.kind}\0{claim.value}".encode(), hashlib.sha256)


def _any_personal(appends: Sequence[Append]) -> bool:
    for append in appends:
        for event in append.events:
            if personal_fields(type(event)):
                return True
    return False
