"""What the log itself knows of an import: a stream of its own, with one event for each chunk that was imported.

Whoever imports a chunk appends that event at the version that it read. So no chunk is imported twice, whether an import
is repeated after a crash or two of them run at once, and a repeated one knows where to go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from application.ports import Append, EventStore
from domain.kernel import Claim, Context
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError
from infrastructure.system_events import ChunkImported

CATEGORY = "import"
ACTIVITY = "history-import"
ADMINISTRATOR = "administrator"
"""The actor of a line that names none: the administrator who runs the import, with access to the database itself."""

PASSING = (LogUnavailableError, LogBusyError)
"""Errors that end by themselves: the chunk is asked for, and written if it is not there."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Import:
    """One import under its name, in one log. `now` is the clock of the platform."""

    log: EventStore
    import_id: str
    now: Callable[[], datetime]

    def __post_init__(self) -> None:
        assert is_import_id(self.import_id)

    @property
    def stream(self) -> str:
        return f"{CATEGORY}-{self.import_id}"

    async def chunks(self) -> Sequence[ChunkImported]:
        """Return the records of the chunks that were imported under this name so far."""
        found = await self.log.read([self.stream])
        return found[self.stream].events

    def append(
        self,
        fact: ChunkImported,
        version: int,
        *,
        expected: Mapping[str, int] | None = None,
        claims: Sequence[Claim] = (),
    ) -> Append:
        """Return the append of the record of a chunk, on condition that the import's stream is at `version`."""
        return Append(
            stream=self.stream,
            events=(fact,),
            expected={self.stream: version, **(expected or {})},
            context=Context(
                acting_id=ADMINISTRATOR, activity=ACTIVITY, correlation_id=self.stream, effective_at=self.now()
            ),
            claims=claims,
        )


def is_import_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def import_id_of(file_name: str) -> str:
    """Make the name of an import from that of its file; it is empty where nothing of that can be used."""
    stem = file_name.removesuffix(".ndjson").removesuffix(".jsonl").removesuffix(".json")
    return _OTHER.sub("-", stem).strip("-_")[:80]
