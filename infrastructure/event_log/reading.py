"""Reading the log in position order: what projections, replays and audits stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from domain.kernel import Context, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import statements as sql

Connection = psycopg.Connection[Any]


class LogReader:
    """Reads recorded events over a connection of the caller's."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def head(self, connection: Connection) -> int:
        """Return the last position; 0 for an empty log."""
        row = connection.execute(sql.MAX_POSITION).fetchone()
        assert row is not None
        return int(row[0])

    def read(
        self, connection: Connection, *, after: int, until: int, names: Sequence[str] | None = None
    ) -> Iterator[Recorded[Any]]:
        """Yield the events with `after < position <= until`, in order; only those with the given names, if given."""
        with connection.cursor(binary=True) as cursor:
            if names is None:
                cursor.execute(sql.BY_POSITION, (after, until))
            else:
                cursor.execute(sql.BY_POSITION_AND_NAME, (after, until, list(names)))
            decode = self._codec.decode
            for row in cursor:
                yield Recorded(
                    position=row[0],
                    recorded_at=row[1],
                    version=row[3],
                    stream=row[4],
                    event=decode(row[5], row[6]),
                    context=Context(
                        effective_at=row[2],
                        acting_id=row[7],
                        subject_id=row[8],
                        organisation_id=row[9],
                        mandate_id=row[10],
                        activity=row[11],
                        command_id=row[12],
                        correlation_id=row[13],
                        causation_id=row[14],
                        trace=row[15],
                    ),
                )
