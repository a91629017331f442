"""Reads the log in position order, for projections, reactors, rebuilds and audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from psycopg import Connection
from psycopg import sql as compose
from psycopg.rows import TupleRow

from domain.kernel import Context, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import log_statements as sql
from infrastructure.event_log.log_lookup import MissingEventsError, Partition

Row: TypeAlias = TupleRow
"""An event as the log holds it: the basic columns, then the further ones, or those of them that were asked for."""

AnyRecorded: TypeAlias = Recorded[Any]
"""A recorded event of any class."""

_COLUMNS = compose.SQL(", ").join(map(compose.Identifier, (*sql.BASIC_COLUMNS, *sql.FURTHER_COLUMNS)))

_WHOLE_LOG = compose.Identifier("log", "event")
POSITION, VERSION, STREAM, NAME, PAYLOAD = range(len(sql.BASIC_COLUMNS))
"""Indexes of the basic columns in a `Row`."""


class LogReader:
    """Reads recorded events over the caller's connection."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def head(self, connection: Connection) -> int:
        """Return the last position; 0 for an empty log."""
        ((head,),) = connection.execute(sql.HEAD).fetchall()
        return int(head)

    def position_at(self, connection: Connection, instant: datetime) -> int:
        """Return the last position recorded at or before an instant; 0 if the log began later."""
        low, high = 0, self.head(connection)
        query = compose.SQL(sql.RECORDED_AT).format(table=self.table(connection, high))
        while low < high:  # positions are in the order of recording
            middle = (low + high + 1) // 2
            row = connection.execute(query, (middle,)).fetchone()
            if row is None:
                raise MissingEventsError(f"the log has no event at position {middle}")
            low, high = (middle, high) if row[0] <= instant else (low, middle - 1)
        return low

    def read(
        self, connection: Connection, *, after: int, until: int, names: Sequence[str] | None = None
    ) -> Iterator[AnyRecorded]:
        """Yield the events with `after < position <= until`, in order; only those with the given names, if given.

        Partitions that were detached from the log are read like the others. Raises MissingEventsError where one is no
        longer in the database: nothing is ever left out in silence.
        """
        return map(self._recorded, self.rows(connection, after=after, until=until, names=names))

    def rows(
        self,
        connection: Connection,
        *,
        after: int,
        until: int,
        names: Sequence[str] | None = None,
        limit: int | None = None,
        further: Sequence[str] = sql.FURTHER_COLUMNS,
    ) -> Iterator[Row]:
        """Yield the same events as `read`, not decoded. Beside the basic columns only `further` are read.

        With names, at most `limit` events of each partition are read.
        """
        for table, low, high in self._parts(connection, after, until):
            with connection.cursor(binary=True) as cursor:
                if names is None:
                    cursor.execute(_on(table, sql.BY_POSITION, further), (low, high))
                    yield from _dense(cursor, low)
                else:
                    most = high - low if limit is None else limit
                    cursor.execute(_on(table, sql.BY_NAME, further), (list(names), low, high, most, most))
                    yield from cursor

    def rows_at(
        self, connection: Connection, positions: Sequence[int], further: Sequence[str] = sql.FURTHER_COLUMNS
    ) -> Sequence[Row]:
        """Return the events at these positions, in order, not decoded."""
        if not positions:
            return []
        return self._fetch(connection, max(positions), sql.BY_POSITIONS, further, (list(positions),))

    def rows_of_streams(
        self,
        connection: Connection,
        *,
        first: str,
        last: str,
        until: int,
        further: Sequence[str] = sql.FURTHER_COLUMNS,
    ) -> Sequence[Row]:
        """Return the events of all streams from `first` to `last`, up to a position: stream by stream, not decoded.

        Beside the basic columns only the `further` ones are read.
        """
        return self._fetch(connection, until, sql.BY_STREAM, further, (first, last, until))

    def rows_of_stream(
        self,
        connection: Connection,
        stream: str,
        *,
        after: int,
        until: int,
        limit: int,
        further: Sequence[str] = sql.FURTHER_COLUMNS,
    ) -> Sequence[Row]:
        """Return the next events of a stream, after one of its versions and up to a position, not decoded."""
        return self._fetch(connection, until, sql.OF_STREAM, further, (stream, after, until, limit))

    def _fetch(
        self, connection: Connection, until: int, template: str, further: Sequence[str], parameters: Sequence[object]
    ) -> Sequence[Row]:
        """Return the rows of a query of the events up to a position."""
        query = _on(self.table(connection, until), template, further)
        with connection.cursor(binary=True) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def table(self, connection: Connection, until: int) -> compose.Composable:
        """Return the FROM item of all events up to a position: the log's table and the detached partitions."""
        tables = list({table.as_string(): table for table, _, _ in self._parts(connection, 0, until)}.values())
        if not tables:
            return _WHOLE_LOG
        if len(tables) == 1:
            return tables[0]
        parts = (compose.SQL(sql.ALL_OF).format(columns=_COLUMNS, table=table) for table in tables)
        return compose.SQL("({}) AS event").format(compose.SQL(" UNION ALL ").join(parts))

    def read_next(
        self, connection: Connection, *, after: int, until: int, names: Sequence[str], limit: int
    ) -> Sequence[AnyRecorded]:
        """Return the next `limit` events with the given names. However rare they are, no other event is read."""
        rows = self.rows(connection, after=after, until=until, names=names, limit=limit)
        return list(map(self._recorded, islice(rows, limit)))

    def _parts(self, connection: Connection, after: int, until: int) -> Iterator[tuple[compose.Composable, int, int]]:
        """Yield the tables that hold the positions, each with the range to read from it, in order.

        Partitions that follow each other and are attached are read as one.
        """
        detached = [
            partition
            for row in connection.execute(sql.PARTITIONS).fetchall()
            if not (partition := Partition(*row)).attached and partition.last_position > after
        ]
        for partition in detached:
            if partition.first_position > until:
                break
            if partition.first_position > after + 1:
                yield _WHOLE_LOG, after, partition.first_position - 1
                after = partition.first_position - 1
            here = min(until, partition.last_position)
            if connection.execute("SELECT to_regclass(%s)", (f"log.event_{partition.number}",)).fetchone() == (None,):
                raise MissingEventsError(
                    f"positions {partition.first_position} to {partition.last_position} were put away: "
                    f"partition {partition.number} is not in the database"
                )
            yield compose.Identifier("log", f"event_{partition.number}"), after, here
            after = here
        if after < until:
            yield _WHOLE_LOG, after, until

    def _recorded(self, row: Row) -> AnyRecorded:
        further = dict(zip(sql.FURTHER_COLUMNS, row[PAYLOAD + 1 :], strict=True))
        return Recorded(
            position=row[POSITION],
            stream=row[STREAM],
            version=row[VERSION],
            event=self._codec.decode(row[NAME], row[PAYLOAD]),
            recorded_at=further.pop("recorded_at"),
            context=Context(**further),
        )


def _on(table: compose.Composable, template: str, further: Sequence[str]) -> bytes:
    """Return a query of the basic and the further columns, as bytes: psycopg composes nothing then."""
    columns = ", ".join((*sql.BASIC_COLUMNS, *further))
    return template.format(columns=columns, table=table.as_string()).encode()


def _dense(rows: Iterable[Row], after: int) -> Iterator[Row]:
    """Pass the events on; raise MissingEventsError at a gap between positions."""
    for row in rows:
        after += 1
        if row[POSITION] != after:
            raise MissingEventsError(f"the log has no event at position {after}, but one at {row[POSITION]}")
        yield row
