"""Reads prepared statements for requests, on connections of their own; implements `ReadStatements`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg.pq.abc import PGresult

from application.fair_turns import Turns
from infrastructure.postgres.connecting import connect_async
from infrastructure.read_models.pipeline_connection import CONNECTION_LOST, SESSION, PipelineConnection
from projections.prepared_statements import BoundStatement, Cells, StatementFailedError
from projections.row_security import Viewer

TRIES = 2
"""How often a read is tried where its connection was lost: a restart of the server closes all connections."""


class StatementReader:
    """Reads on as many connections as there are turns; opened when first needed, and anew where one was lost.

    Close it when done. It belongs to one event loop.
    """

    def __init__(self, url: str, turns: Turns) -> None:
        self._url = url
        self.turns = turns
        self._idle: list[PipelineConnection] = []
        self._open: set[PipelineConnection] = set()

    async def __call__(
        self, organisation_id: str, viewer: Viewer, statements: Sequence[BoundStatement]
    ) -> Sequence[Sequence[Cells]]:
        """Read the rows of each statement as a viewer sees them; all of one state of the rows.

        Raises StatementFailedError, and BusyError where too many read at once. Whoever is cancelled ends the
        statements in PostgreSQL too, and keeps the turn until then.
        """
        async with self.turns.of(organisation_id):
            return [_rows_of(result) for result in await self._read(viewer, statements)]

    def close(self) -> None:
        for connection in list(self._open):
            connection.close()
        self._open.clear()
        self._idle.clear()

    async def _read(self, viewer: Viewer, statements: Sequence[BoundStatement]) -> Sequence[PGresult]:
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._read_once(viewer, statements)
            except StatementFailedError as error:
                if error.sqlstate != CONNECTION_LOST or not tries_left:
                    raise
        raise AssertionError

    async def _read_once(self, viewer: Viewer, statements: Sequence[BoundStatement]) -> Sequence[PGresult]:
        connection = self._usable() or await self._connected()
        try:
            return await connection.read(viewer, statements)
        except asyncio.CancelledError:
            await asyncio.shield(connection.break_off())
            raise
        finally:
            self._put_back(connection)

    def _put_back(self, connection: PipelineConnection) -> None:
        if connection.is_reading:
            # Cancelled twice: nobody waits for its end any more.
            connection.close()
        if connection.closed:
            self._open.discard(connection)
        else:
            self._idle.append(connection)

    def _usable(self) -> PipelineConnection | None:
        # The connection of the last read has the most of what is read prepared.
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
            self._open.discard(connection)
        return None

    async def _connected(self) -> PipelineConnection:
        try:
            connection = PipelineConnection(await connect_async(self._url, first=(SESSION,), prepare_threshold=None))
        except psycopg.OperationalError as error:
            raise StatementFailedError(error.sqlstate or CONNECTION_LOST) from error
        self._open.add(connection)
        return connection


def _rows_of(result: PGresult) -> Sequence[Cells]:
    get, columns = result.get_value, range(result.nfields)
    if len(columns) == 1:
        return [(get(row, 0),) for row in range(result.ntuples)]
    return [tuple([get(row, column) for column in columns]) for row in range(result.ntuples)]
