"""Queries over the read models of this release, on one pool of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import RowMapping, Table, TextClause, event, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from application.fair_turns import FairTurns, TurnLimits, Turns
from application.ports import Caller
from domain.contexts import DECIDERS
from infrastructure.postgres.arrays import array_text
from infrastructure.read_models.progress_rows import build_of, others_of, place_of, place_of_cells, progress_of
from infrastructure.read_models.statement_reader import StatementReader
from infrastructure.read_models.statements import (
    BUILDS,
    FIGURES_STATE,
    IS_PARKED,
    LATEST_BUILDS,
    OTHER_VERSIONS,
    PARKED,
    PLACES,
    PREPARED_PLACES,
    PROGRESS,
    SAMPLE,
    TABLES_THERE,
)
from infrastructure.read_models.viewers import CONNECT_ARGS, SET, set_viewers, settings_of
from projections import projection_acts
from projections.figures.computed import ComputedIndices, FiguresVersion
from projections.figures.figure_reading import Reading
from projections.prepared_statements import BoundStatement, StatementFailedError
from projections.progress import Build, NotBuiltError, ParkedEvent, Pause, Place, Progress
from projections.read_model import SCHEMA, ReadModel
from projections.row_security import ADMINISTRATOR, FIGURES, VIEWER, Viewer, rows_seen, seen_of

T = TypeVar("T")

LIMITS = TurnLimits(turns=16, share=8)
OWN_CONNECTIONS = 4
"""Connections for what is read for no request of its own: places, progress and the like."""

OWN_LIMITS = TurnLimits(turns=1, share=1)
"""Places are read one after the other: all requests of a moment share one reading."""

ESTIMATE_AGE_S = 600
MAX_ESTIMATES = 10_000
SOMEBODY = ("somebody",)
"""Stands for the numbers of an organisation in registers: PostgreSQL takes it for one with the usual number of rows."""

POOL_WAIT_S = 5
TRIES = 2
"""How often something is read where its connection was lost: a restart of the server closes all connections."""

NOT_IN_USE = frozenset({"42P01", "42501"})
"""SQLSTATE of a table that does not exist, and of one that is not open to readers."""

MOST_SHOWN = 100
"""Parked events, or builds, that are read at once."""
EVENT_NAMES = {event: name for decider in DECIDERS for name, event in decider.events.items()}


class ReadModels:
    """Queries over the read models of this release. Close it when done; it belongs to one event loop.

    A statement sees the rows that the viewer in its execution options may see, without a viewer no row. PostgreSQL ends
    a statement that takes longer than `statement_timeout_s`: an OperationalError, SQLSTATE 57014. `indices` are those
    that were computed already, here or by another reader of the same database. `waited` is called with the seconds that
    a request waited for its turn to read.
    """

    def __init__(
        self,
        url: str,
        projections: Sequence[ReadModel],
        statement_timeout_s: float | None = None,
        limits: TurnLimits = LIMITS,
        indices: ComputedIndices | None = None,
        *,
        waited: Callable[[float], None] | None = None,
    ) -> None:
        self._tables = {projection.name: projection.table.name for projection in projections}
        self._release = {
            "names": [projection.name for projection in projections],
            "versions": [projection.version for projection in projections],
        }
        release = ([it.name for it in projections], [str(it.version) for it in projections])
        self._prepared_places = BoundStatement(PREPARED_PLACES, [array_text(it).encode() for it in release])
        figures = [projection for projection in projections if FIGURES in projection.seen.roles]
        self.figure_tables = [projection.table.name for projection in figures]
        """The tables that figures are computed from, as far as they belong to the release."""
        self._of_figures = {
            "names": [projection.name for projection in figures],
            "versions": [projection.version for projection in figures],
            "events": [" ".join(EVENT_NAMES[event] for event in projection.rules) for projection in figures],
        }
        self.computed_indices = indices or ComputedIndices()
        self._existing: frozenset[str] = frozenset()
        self._sample: bool | None = None
        self._estimates: dict[tuple[str, str, str], tuple[float, int]] = {}
        options = _options_of(url, statement_timeout_s)
        self._fair_turns = FairTurns(limits, waited)
        self.turns: Turns = self._fair_turns
        """Given to those who read for requests."""
        address = make_conninfo(url, options=options)
        self.read_statements = StatementReader(address, self.turns)
        self._read_own = StatementReader(address, FairTurns(OWN_LIMITS))
        self.engine = create_async_engine(
            # The address goes to libpq as it is: SQLAlchemy does not read every form of it.
            "postgresql+psycopg://",
            pool_size=limits.turns + OWN_CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            # The connection of the last statement knows its plan; a queue would plan it on each connection in turn.
            pool_use_lifo=True,
            connect_args={**CONNECT_ARGS, **conninfo_to_dict(url, options=options)},
        )
        set_viewers(self.engine)
        self._own = asyncio.Semaphore(OWN_CONNECTIONS)
        # One statement needs no transaction around it.
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def aclose(self) -> None:
        self.read_statements.close()
        self._read_own.close()
        # What fields share is read to the end when its request is given up, and ends after this.
        event.listen(self.engine.sync_engine, "checkin", _close)
        await self.engine.dispose()

    @property
    def held_turns(self) -> int:
        """How many requests read."""
        return self._fair_turns.held

    @property
    def waiting_turns(self) -> int:
        """How many requests wait to read."""
        return self._fair_turns.waiting

    # --- Places -----------------------------------------------------------------------------------------------------

    async def places(self) -> Mapping[str, Place]:
        """Return the place of each read model of the release, by the name of its table."""
        try:
            (rows,) = await self._read_own("", Viewer(role=""), [self._prepared_places])
        except StatementFailedError:
            # The error is worded by the driver.
            return await self._read(self._places)
        return self._by_table(map(place_of_cells, rows))

    async def _places(self, connection: AsyncConnection) -> Mapping[str, Place]:
        return self._by_table(map(place_of, await connection.execute(PLACES, self._release)))

    def _by_table(self, places: Iterable[Place]) -> Mapping[str, Place]:
        return {self._tables[place.name]: place for place in places}

    # --- Estimates --------------------------------------------------------------------------------------------------

    async def seen_rows(self, table: Table, caller: Caller) -> int:
        """Return about how many rows of a table a caller sees, as PostgreSQL estimates it, at most ten minutes ago."""
        organisation_id = "" if caller.role in seen_of(table).roles else caller.organisation_id
        key = (table.name, caller.role, organisation_id)
        known = self._estimates.get(key)
        if known is None or known[0] < time.monotonic() - ESTIMATE_AGE_S:
            viewer = Viewer(role=caller.role, organisation_id=organisation_id, identifiers=SOMEBODY)
            known = (time.monotonic(), await self._read(partial(_estimated, table, viewer)))
            if len(self._estimates) >= MAX_ESTIMATES:
                self._estimates.clear()
            self._estimates[key] = known
        return known[1]

    # --- Snapshots --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def snapshot(self, organisation_id: str = "") -> AsyncIterator[Reading]:
        """Open a state of all rows for figures; without an organisation, the turn is one of the public's.

        Raises `NotBuiltError` where a figure has no rows in use yet, and BusyError where no turn comes in time.
        """
        async with self.state(organisation_id) as connection:
            yield await self.figures_in(connection)

    async def figures_in(self, connection: AsyncConnection) -> Reading:
        """Return the figures of a state; its position is theirs, and its viewer computes figures from now on."""
        await connection.exec_driver_sql(SET, settings_of(Viewer(role=FIGURES)))
        places = await self._places(connection)
        position = self._position_of_figures(places, self._existing)
        sample, version = await self._holds_sample(connection, position), await self._version(connection)
        return Reading(connection, position, sample, version, self.computed_indices)

    @asynccontextmanager
    async def state(self, organisation_id: str) -> AsyncIterator[AsyncConnection]:
        """Wait for a turn of an organisation, and open a transaction that reads one state of all rows.

        A takeover renames tables: a transaction with an older state of the rows would find a table empty under its new
        name. The locks keep the names as they are, are taken before the state is fixed, and make a takeover wait for
        the end of the transaction. Raises BusyError where no turn comes in time.
        """
        async with self.turns.of(organisation_id):
            connection = await again_if_lost(self._begun)
            try:
                yield connection
            finally:
                await connection.close()

    async def _begun(self) -> AsyncConnection:
        for _ in range(TRIES):
            there = await self._existing_tables()
            connection = await self.engine.connect()
            try:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                await self._lock(connection, there)
            except ProgrammingError as error:
                await connection.close()
                if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
                    raise
                # A table was dropped by hand, or closed to readers: the list is read again.
                self._existing = frozenset()
            except BaseException:
                await connection.close()
                raise
            else:
                return connection
        raise NotBuiltError(())

    async def _holds_sample(self, connection: AsyncConnection, position: int) -> bool:
        """Return whether the log holds a sample. A sample is written into an empty log only, so the answer stays."""
        if self._sample is None:
            sample = (await connection.execute(SAMPLE)).scalar_one() is not None
            if not sample and not position:
                return False
            self._sample = sample
        return self._sample

    async def figures_version(self) -> FiguresVersion:
        """Return what tells the rows of the figures from later ones; `NotBuiltError` where there are no rows in use."""
        return await self._read(self._version)

    async def _version(self, connection: AsyncConnection) -> FiguresVersion:
        rows = (await connection.execute(FIGURES_STATE, self._of_figures)).all()
        if missing := [name for name, built, _ in rows if not built]:
            raise NotBuiltError(missing)
        return FiguresVersion({name: state for name, _, state in rows})

    async def _existing_tables(self) -> frozenset[str]:
        """Return the tables of the release that exist. A table of this release is never dropped by the platform."""
        if len(self._existing) < len(self._tables):
            rows = await self._all(TABLES_THERE, tables=list(self._tables.values()))
            self._existing = frozenset(row["name"] for row in rows)
        return self._existing

    async def _lock(self, connection: AsyncConnection, tables: Collection[str]) -> None:
        if not tables:
            return
        # All sessions lock in the same order, so that no two wait for each other.
        names = ", ".join(f'{SCHEMA}."{name}"' for name in sorted(tables))
        await connection.execute(text(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))

    def _position_of_figures(self, places: Mapping[str, Place], there: Collection[str]) -> int:
        needed = {table: places[table] for table in self.figure_tables}
        if missing := [place.name for table, place in needed.items() if not place.built or table not in there]:
            raise NotBuiltError(missing)
        return min((place.position for place in needed.values()), default=0)

    # --- For administrators -----------------------------------------------------------------------------------------

    async def progress(self) -> Progress:
        """Return the progress of each read model of the release, by name; cheap enough for once a second."""
        return await self._read(self._progress)

    async def _progress(self, connection: AsyncConnection) -> Progress:
        rows = await _rows(connection, PROGRESS, self._release)
        builds = {it["projection"]: build_of(it) for it in await _rows(connection, LATEST_BUILDS, self._release)}
        others = others_of(await _rows(connection, OTHER_VERSIONS, self._release))
        pauses = await self._pauses(connection)
        return Progress(
            head=rows[0]["head"] if rows else 0,
            projections=[progress_of(row, pauses, builds, others) for row in rows],
        )

    async def parked(self, projection: str, after: int = 0, limit: int = MOST_SHOWN) -> Sequence[ParkedEvent]:
        """Return the events after a position that are parked for a read model, in the order of the log."""
        table = self._tables[projection]
        rows = await self._all(PARKED, table_name=table, after=after, limit=min(limit, MOST_SHOWN))
        return [ParkedEvent(projection=projection, **row) for row in rows]

    async def is_parked(self, projection: str, position: int, *, or_stopped: bool) -> bool:
        """Return whether an event is parked for a read model, or any where the position is 0.

        With `or_stopped`, the event at which the read model has stopped counts as one that is parked.
        """
        table = self._tables[projection]
        (row,) = await self._all(IS_PARKED, table_name=table, position=position, or_stopped=or_stopped)
        return bool(row.parked)

    async def builds(self, projection: str, limit: int = MOST_SHOWN) -> Sequence[Build]:
        """Return the builds of a read model, of all its versions, the newest first."""
        rows = await self._all(BUILDS, projection=projection, limit=min(limit, MOST_SHOWN))
        return [build_of(row) for row in rows]

    async def _pauses(self, connection: AsyncConnection) -> Mapping[str, Pause]:
        """Return the pauses by read model. The acts are a read model themselves, which may not exist yet."""
        acts = projection_acts.Row.table.name
        if acts not in self._tables.values() or not await _rows(connection, TABLES_THERE, {"tables": [acts]}):
            return {}
        rows = await connection.execute(
            projection_acts.paused(), execution_options={VIEWER: Viewer(role=ADMINISTRATOR)}
        )
        return {row.projection: Pause(by=row.acting_id, why=row.why, at=row.acted_at) for row in rows}

    async def _all(self, statement: TextClause, **values: object) -> Sequence[RowMapping]:
        return await self._read(lambda connection: _rows(connection, statement, values))

    async def _read(self, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Read something that is no request of an organisation."""

        async def once() -> T:
            async with self._single.connect() as connection:
                return await read(connection)

        async with self._own:
            return await again_if_lost(once)


async def _estimated(table: Table, viewer: Viewer, connection: AsyncConnection) -> int:
    query = select(table).where(rows_seen(table, viewer))
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    try:
        explained = await connection.exec_driver_sql(
            f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params, execution_options={VIEWER: viewer}
        )
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
            raise
        return 0
    ((plan,),) = (explained.scalar_one(),)
    return int(plan["Plan"]["Plan Rows"])


async def again_if_lost(read: Callable[[], Awaitable[T]]) -> T:
    """Read something once more where its connection was lost, on a new one."""
    for tries_left in reversed(range(TRIES)):
        try:
            return await read()
        except DBAPIError as error:
            if not error.connection_invalidated or not tries_left:
                raise
    raise AssertionError


def _close(_driver: object, entry: ConnectionPoolEntry) -> None:
    """Close a connection that is given back to a pool that nobody uses any more, which would leave it open."""
    entry.close()


async def _rows(
    connection: AsyncConnection, statement: TextClause, values: Mapping[str, object]
) -> Sequence[RowMapping]:
    return (await connection.execute(statement, dict(values))).mappings().all()


def _options_of(url: str, statement_timeout_s: float | None) -> str:
    """Return the options of all sessions: those of the address, which may name the role, and the statement timeout."""
    options = str(conninfo_to_dict(url).get("options", ""))
    if statement_timeout_s is None:
        return options
    return f"{options} -c statement_timeout={round(statement_timeout_s * 1000)}".strip()
