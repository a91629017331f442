"""The log in memory, with the same promises as PostgresLog: for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from application.ports import Append, Idempotency, OtherContent, Outcome, Receipt, StreamEvents
from domain.kernel import Claim, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.encoding import Encoder
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.event_log.resolve import Encoded, EventRow, LogState, resolve
from infrastructure.keys.data_keys import Keys
from tests.memory_keys import MemoryKeys


class MemoryLog:
    """An event store that keeps encoded rows, so that read events were encoded and decoded."""

    def __init__(self, codec: Codec, claim_key: bytes = b"in memory", keys: Keys | None = None) -> None:
        self._codec = codec
        self.keys: Keys = keys or MemoryKeys()
        self._encoder = Encoder(codec, claim_key, self.keys)
        self._holdings = LogState(head=0)
        self.rows: list[EventRow] = []
        self._streams: dict[str, list[EventRow]] = {}

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        return {stream: self._stream(stream) for stream in streams}

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        return {
            prefix: {name: self._stream(name) for name in self._streams if name.startswith(prefix)}
            for prefix in prefixes
        }

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        found: dict[Idempotency, Receipt | OtherContent] = {}
        for key in keys:
            known = self._holdings.receipts.get((key.organisation_id, key.key))
            if known is not None:
                found[key] = known[1] if known[0] == key.fingerprint else OtherContent(key.key)
        return found

    async def holder(self, claim: Claim) -> str | None:
        return self._holdings.claims.get(self._encoder.digest(claim))

    async def log_id(self) -> str:
        return str(UUID(int=0))

    async def head(self) -> int:
        return len(self.rows)

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        encoded = await self._encoder.encode(appends)
        resolved = resolve((each for each in encoded if isinstance(each, Encoded)), self._holdings)
        self.rows.extend(resolved.rows)
        for row in resolved.rows:
            self._streams.setdefault(row.stream, []).append(row)
        left = iter(resolved.outcomes)
        return [next(left) if isinstance(each, Encoded) else each for each in encoded]

    def recorded(self) -> Iterator[AnyRecorded]:
        for row in self.rows:
            yield Recorded(
                position=row.position,
                stream=row.stream,
                version=row.version,
                event=self._codec.decode(row.name, row.payload),
                context=row.context,
                recorded_at=datetime.max.replace(tzinfo=UTC),
            )

    def _stream(self, stream: str) -> StreamEvents:
        rows = self._streams.get(stream, [])
        events = tuple(self._codec.decode(row.name, row.payload) for row in rows)
        if not rows:
            return StreamEvents()
        return StreamEvents(events=events, position=rows[-1].position, last_at=rows[-1].context.effective_at)
