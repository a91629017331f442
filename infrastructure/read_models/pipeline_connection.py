"""A connection in pipeline mode for good: the viewer and prepared statements in one round trip, for one read at a time.

It drives libpq directly (https://www.psycopg.org/psycopg3/docs/api/pq.html): cursors cost more than many a statement.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import psycopg
from psycopg import AsyncConnection, pq
from psycopg.pq.abc import PGresult

from infrastructure.postgres.arrays import array_text
from infrastructure.read_models.viewers import SETTINGS, settings_of
from projections.prepared_statements import BoundStatement, StatementFailedError
from projections.read_model import SCHEMA
from projections.row_security import Viewer

CONNECTION_LOST = "08006"
UNTRANSLATABLE = "22021"
"""What PostgreSQL says of a text with a zero character, which libpq would cut off there."""

STALE = frozenset({"0A000", "26000", "42P05"})
"""SQLSTATE where a prepared statement does not fit any more, is gone, or is there already."""

STATEMENTS_KEPT = 100
"""Prepared statements of one connection; the one that was not used for longest goes."""

VIEWERS_KEPT = 1_000
"""Viewers whose settings are kept as they are sent; the one that was not used for longest goes."""

BREAK_OFF_TRIES = 3
BREAK_OFF_WAIT_S = 0.5
"""How often, and how long each time, a statement that runs is asked to end, before its connection is closed."""

NO_MORE = 2
"""Each result is followed by an end of results; two of these in a row say that no more will come."""

BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
COMMIT = b"COMMIT"
ROLLBACK = b"ROLLBACK"

NAMES = (*SETTINGS, "plan_cache_mode")
AUTO, AS_CONNECTED = "auto", ""
SESSION = "SET plan_cache_mode = force_generic_plan"
"""What a connection begins with: most statements are planned once, whatever their values are."""

_DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_SYNC, _ABORTED = pq.ExecStatus.PIPELINE_SYNC, pq.ExecStatus.PIPELINE_ABORTED


@lru_cache(maxsize=1_000)
def lock_of(tables: frozenset[str]) -> bytes:
    # All sessions lock in the same order, so that no two wait for each other.
    names = ", ".join(f'{SCHEMA}."{name}"' for name in sorted(tables))
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE".encode()


@dataclass(slots=True)
class _Segment:
    """What was sent for one read up to a Sync, and what has come back of it."""

    answer: asyncio.Future[Sequence[PGresult]]
    wanted: list[int] = field(default_factory=list)
    sent: int = 0
    prepares: bool = False
    begun: bool = False
    results: list[PGresult] = field(default_factory=list)
    sqlstate: str = ""
    ended: asyncio.Future[None] | None = None


class PipelineConnection:
    """Sends one read at a time; what fails on the way is a StatementFailedError. It belongs to one event loop."""

    def __init__(self, connection: AsyncConnection, statements_kept: int = STATEMENTS_KEPT) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._socket = self._pg.socket
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        self._writing = False
        self._names: OrderedDict[bytes, bytes] = OrderedDict()
        self._statements_kept = statements_kept
        self._prepared = 0
        self._segment: _Segment | None = None
        self.closed = False

    @property
    def is_reading(self) -> bool:
        return self._segment is not None

    def read(self, viewer: Viewer, statements: Sequence[BoundStatement]) -> asyncio.Future[Sequence[PGresult]]:
        """Send statements as a viewer; return their results. Two or more of them read one state of all rows."""
        assert self._segment is None
        segment = self._segment = _Segment(self._loop.create_future())
        generic = all(bound.statement.generic for bound in statements)
        setting, settings = _settings_of(viewer, AS_CONNECTED if generic else AUTO)
        if _is_cut(settings) or any(_is_cut(bound.values) for bound in statements):
            segment.sqlstate = UNTRANSLATABLE
            self._end(segment)
            return segment.answer
        try:
            self._send_all(segment, setting, settings, statements)
            self._pg.pipeline_sync()
            self._flush()
        except psycopg.Error:
            self.close()
        return segment.answer

    async def break_off(self) -> None:
        """End what is still read for somebody who is gone; after that the connection is idle, or closed."""
        segment = self._segment
        if segment is None:
            return
        segment.ended = self._loop.create_future()
        for _ in range(BREAK_OFF_TRIES):
            try:
                await self._connection.cancel_safe(timeout=BREAK_OFF_WAIT_S)
                await asyncio.wait([segment.ended], timeout=BREAK_OFF_WAIT_S)
            except psycopg.Error:
                break
            if segment.ended.done():
                return
        self.close()

    def close(self) -> None:
        """Close the connection; what is being read has failed."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)
        self._pg.finish()
        if self._segment is not None:
            self._segment.sqlstate = CONNECTION_LOST
            self._end(self._segment)

    # --- Sending ----------------------------------------------------------------------------------------------------

    def _send_all(
        self, segment: _Segment, setting: bytes, settings: Sequence[bytes], statements: Sequence[BoundStatement]
    ) -> None:
        if len(statements) > 1:
            # A takeover renames tables: the locks keep the names as they are, and come before the state is fixed by the
            # first statement that reads, or is prepared.
            segment.begun = True
            self._send(segment, BEGIN, ())
            if tables := frozenset[str]().union(*(bound.statement.tables for bound in statements)):
                self._send(segment, lock_of(tables), ())
        self._send(segment, setting, settings)
        for bound in statements:
            self._send(segment, bound.statement.text, bound.values)
            segment.wanted.append(segment.sent - 1)
        if segment.begun:
            self._send(segment, COMMIT, ())

    def _send(self, segment: _Segment, text: bytes, values: Sequence[bytes | None]) -> None:
        name = self._names.get(text)
        if name is None:
            name = self._prepare(segment, text)
        else:
            self._names.move_to_end(text)
        self._pg.send_query_prepared(name, values)
        segment.sent += 1

    def _prepare(self, segment: _Segment, text: bytes) -> bytes:
        segment.prepares = True
        if len(self._names) >= self._statements_kept:
            _, unused = self._names.popitem(last=False)
            self._pg.send_query_params(b"DEALLOCATE " + unused, None)
            segment.sent += 1
        self._prepared += 1
        name = self._names[text] = b"s%d" % self._prepared
        self._pg.send_prepare(name, text)
        segment.sent += 1
        return name

    def _flush(self) -> None:
        left = bool(self._pg.flush())
        if left and not self._writing:
            self._loop.add_writer(self._socket, self._writable)
        elif self._writing and not left:
            self._loop.remove_writer(self._socket)
        self._writing = left

    def _writable(self) -> None:
        try:
            self._flush()
        except psycopg.Error:
            self.close()

    # --- Receiving --------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            ends = 0
            while (segment := self._segment) is not None and ends < NO_MORE and not pg.is_busy():
                result = pg.get_result()
                ends = ends + 1 if result is None else 0
                if result is not None:
                    self._receive(segment, result)
        except psycopg.Error:
            self.close()

    def _receive(self, segment: _Segment, result: PGresult) -> None:
        status = result.status
        if status in _DONE:
            segment.results.append(result)
        elif status == _SYNC:
            self._synchronised(segment)
        elif status != _ABORTED and not segment.sqlstate:
            sqlstate = result.error_field(pq.DiagnosticField.SQLSTATE)
            segment.sqlstate = CONNECTION_LOST if sqlstate is None else sqlstate.decode()

    def _synchronised(self, segment: _Segment) -> None:
        if not segment.sqlstate:
            self._end(segment)
        elif segment.begun:
            segment.begun = False
            self._pg.send_query_params(ROLLBACK, None)
            self._pg.pipeline_sync()
            self._flush()
        else:
            self._end(segment)
            if segment.prepares or segment.sqlstate in STALE:
                # Of the statements, some are prepared and some are not: the next connection begins with none.
                self.close()

    def _end(self, segment: _Segment) -> None:
        self._segment = None
        if segment.ended is not None and not segment.ended.done():
            segment.ended.set_result(None)
        if segment.answer.done():
            return
        if segment.sqlstate:
            segment.answer.set_exception(StatementFailedError(segment.sqlstate))
        else:
            segment.answer.set_result([segment.results[place] for place in segment.wanted])


@lru_cache(maxsize=VIEWERS_KEPT)
def _settings_of(viewer: Viewer, plan_cache_mode: str) -> tuple[bytes, Sequence[bytes]]:
    """Return the statement that sets a viewer, and how statements are planned, for a transaction, with its values.

    What a viewer lacks is not set: PostgreSQL takes back what one transaction has set before the next begins.
    """
    role, organisation_id, identifiers, person_id, chosen_by = settings_of(viewer)
    listed = array_text(identifiers) if identifiers else ""
    texts = (role, organisation_id, listed, person_id, chosen_by, plan_cache_mode)
    given = {name: text.encode() for name, text in zip(NAMES, texts, strict=True) if text}
    calls = (f"set_config('{name}', ${number}, true)" for number, name in enumerate(given, start=1))
    return f"SELECT {', '.join(calls)}".encode(), list(given.values())


def _is_cut(values: Iterable[bytes | None]) -> bool:
    return any(value is not None and b"\0" in value for value in values)
