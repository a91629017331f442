"""From appends to bytes and digests, before they reach the log."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from application.ports import Append
from domain.kernel import Claim
from infrastructure.codec import Codec
from infrastructure.event_log.settle import Encoded

ROW_BYTES = 300
"""What an event brings besides its payload, roughly."""


class Encoder:
    """Encodes events, and turns claimed values into keyed digests so that no value can be guessed from the table."""

    def __init__(self, codec: Codec, claim_key: bytes) -> None:
        self._codec = codec
        self._claim_key = claim_key

    def encode(self, appends: Sequence[Append]) -> list[Encoded]:
        return [self._encode(append) for append in appends]

    def _encode(self, append: Append) -> Encoded:
        encode = self._codec.encode
        events = [encode(event) for event in append.events]
        claims = [(claim, self.digest(claim)) for claim in append.claims] if append.claims else ()
        size = ROW_BYTES * (1 + len(events))
        for _, payload in events:
            size += len(payload)
        return Encoded(append, events, claims, size)

    def digest(self, claim: Claim) -> bytes:
        return hmac.digest(self._claim_key, f"{claim.kind}\0{claim.value}".encode(), hashlib.sha256)
