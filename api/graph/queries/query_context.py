"""The context of one request: its caller, its time, the person in session, and access to the read models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias, TypeVar, cast

from graphql import DocumentNode
from sqlalchemy import Table, func, select
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import visitors
from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from api.dashboard.reader import FiguresReader, FiguresSnapshot
from api.graph.queries.disclosure import Disclosure
from api.graph.queries.node_models import model_of
from api.graph.queries.slices import Slices
from api.web.door_bounds import Bounds
from api.web.errors import Problem, busy, query_too_slow, unavailable
from api.web.read_barrier import ReadBarrier, not_built
from api.web.request_context import RequestContext
from api.web.request_reads import Query, RequestReads, Rows
from application.fair_turns import BusyError
from application.ports import Opener, Sealed
from projections import organisations
from projections.progress import NotBuiltError
from projections.row_security import (
    AGENCY,
    RowColumn,
    Viewer,
    asked_by,
    needs_numbers,
    rows_seen,
    seen_of,
    sees_all,
)

MAX_KEYS = 500
"""Parents whose children are read with one query."""

NOT_IN_USE = frozenset({"42P01", "42501"})
"""SQLSTATE of a table that does not exist, and of one that is not open to readers yet."""

T = TypeVar("T")
Node = TypeVar("Node")
"""A GraphQL type that is made of the rows of a read model: its rows stand for its objects."""


class Figures(FiguresReader, Protocol):
    """The figures, and the names of the tables that they are computed from."""

    @property
    def figure_tables(self) -> Collection[str]: ...

    async def figures_in(self, connection: AsyncConnection) -> FiguresSnapshot:
        """Return the figures of a state of the rows; raises NotBuiltError where there are none yet."""


@dataclass(slots=True)
class QueryContext:
    """The context of one request.

    Rows are read for the `viewer`. `viewer_in` returns the viewer whose session has this id, or raises a problem.
    `disclosure` holds the persons whose data the answer has so far, `objects` is how many objects it has; those of a
    long answer are completed in `slices`.
    """

    request: RequestContext
    viewer: Viewer
    read_barrier: ReadBarrier
    reads: RequestReads
    figures: Figures
    document: DocumentNode
    opener: Opener
    viewer_in: Callable[[str], Awaitable[Viewer]]
    bounds: Bounds
    slices: Slices
    objects: int = 0
    disclosure: Disclosure = field(default_factory=Disclosure)
    _loaders: dict[tuple[object, ...], DataLoader[str, list[object]]] = field(default_factory=dict)
    _numbers: asyncio.Task[Rows] | None = None
    _sealed: DataLoader[Sealed, str | None] | None = None

    # --- The viewer -------------------------------------------------------------------------------------------------

    async def viewer_of(self, table: Table) -> Viewer:
        """Return the viewer for a table: with the organisation's numbers in registers, where its rows name those."""
        viewer = self.viewer
        if viewer.role != AGENCY or not viewer.organisation_id or not needs_numbers(table):
            return viewer
        if self._numbers is None:
            self._numbers = asyncio.ensure_future(self.rows(_numbers_of(viewer.organisation_id), viewer))
        numbers = tuple(row[0] for row in await shared(self._numbers))
        return replace(viewer, identifiers=(*viewer.identifiers, *numbers))

    async def viewer_in_session(self, session_id: str) -> Viewer:
        """Return the viewer whose session has this id; refuse a second person within one request."""
        viewer = await self.viewer_in(session_id)
        if self.viewer.person_id not in {"", viewer.person_id}:
            raise Problem(403, "not-the-person", "One request asks on behalf of one person.")
        self.viewer = viewer
        return viewer

    def must_have_session(self, table: Table) -> None:
        """Refuse an agency that names no session and asks for rows that it sees in a session only."""
        if self.viewer.role == AGENCY and seen_of(table).in_session_only and not self.viewer.person_id:
            raise Problem(422, "session-missing", "Name the session in which the person asks.")

    # --- Rows -------------------------------------------------------------------------------------------------------

    async def rows(self, query: Query, viewer: Viewer) -> Rows:
        """Read with a query that is limited to the rows of the viewer; PostgreSQL limits it once more."""
        await self.read_barrier.wait_for(_tables(query))
        with self._refusing():
            return await self.reads.rows(query, viewer, self.read_barrier.readings)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn errors of the database into problems: those of one field, or of the whole answer."""
        try:
            yield
        except DataError as error:
            # A value that no column can hold, such as a text with a zero character.
            raise Problem(422, "invalid-value", "One of the values cannot be looked up.") from error
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
                raise
            raise self.read_barrier.refuse(not_built(())) from error
        except NotBuiltError as error:
            raise self.read_barrier.refuse(not_built(error.names)) from error
        except (OperationalError, InterfaceError) as error:
            raise query_too_slow(error) or self.read_barrier.refuse(unavailable()) from error
        except (BusyError, PoolTimeoutError) as error:
            raise self.read_barrier.refuse(busy(error)) from error

    async def visible_rows(self, table: Table, query: Query) -> Rows:
        """Read the rows of a query on a table, as far as the caller sees them."""
        viewer = await self.viewer_of(table)
        return await self.rows(query.where(rows_seen(table, viewer)), viewer)

    async def load_one(self, node: type[Node], key: RowColumn, value: object) -> Node | None:
        """Read the object with a key, if there is one that the caller sees."""
        table = model_of(node).table
        self.must_have_session(table)
        rows = await self.visible_rows(table, select(table).where(key.column == value).limit(1))
        return cast("Node", rows[0]) if rows else None

    async def load_linked(self, node: type[Node], key: RowColumn, value: str | None) -> Node | None:
        """Read one object by a column that names it, together with the others that this request asks for."""
        return next(iter(await self.load_many(node, key, value)), None) if value else None

    async def load_many(self, node: type[Node], key: RowColumn, value: str, *order: RowColumn) -> list[Node]:
        """Read the objects of a parent, together with those of the other parents: one query for all."""
        name = (node, key.name, *(column.name for column in order))
        if name not in self._loaders:
            load = _children_of(self, model_of(node).table, key, order)
            self._loaders[name] = DataLoader(load_fn=load, max_batch_size=MAX_KEYS)
        return cast("list[Node]", await shared(self._loaders[name].load(value)))

    # --- Figures and sealed texts -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FiguresSnapshot]:
        """Open the figures at one position."""
        await self.read_barrier.wait_for(self.figures.figure_tables)
        with self._refusing():
            async with self.reads.connection(self.read_barrier.readings) as connection:
                yield await self.figures.figures_in(connection)

    async def open_sealed(self, sealed: Sealed) -> str | None:
        """Open a sealed text together with the others of this request; None if its person was erased."""
        if self._sealed is None:
            self._sealed = DataLoader(load_fn=self._open, max_batch_size=MAX_KEYS)
        return await shared(self._sealed.load(sealed))

    async def _open(self, sealed: list[Sealed]) -> list[str | None]:
        return list(await self.opener(sealed))


async def shared(read: Awaitable[T]) -> T:
    """Await what several fields of an answer wait for: one of them that is given up does not end it for the others."""
    return await asyncio.shield(read)


Info: TypeAlias = StrawberryInfo[QueryContext, None]


def tables_read(table: Table, viewer: Viewer) -> Iterator[str]:
    """Yield the names of the tables that are read for rows of one, with those that decide who sees them."""
    yield table.name
    if viewer.role == AGENCY and viewer.organisation_id:
        if needs_numbers(table):
            yield organisations.Row.table.name
        if not sees_all(seen_of(table), viewer):
            for parent in asked_by(table):
                yield from tables_read(parent, viewer)


def _tables(query: Query) -> set[str]:
    """Return the names of all tables that a query reads, with those that decide visibility."""
    return {element.name for element in visitors.iterate(query) if isinstance(element, Table)}


def _numbers_of(organisation_id: str) -> Query:
    row = organisations.Row
    return select(row.enterprise_number).where(row.organisation_id == organisation_id, row.enterprise_number != "")


def _children_of(
    context: QueryContext, table: Table, key: RowColumn, order: Sequence[RowColumn]
) -> Callable[[list[str]], Awaitable[list[list[object]]]]:
    ordered = [column.column for column in order] or table.primary_key.columns.values()

    async def load(parents: list[str]) -> list[list[object]]:
        viewer, most = await context.viewer_of(table), context.bounds.children
        place = func.row_number().over(partition_by=key.column, order_by=ordered).label("place")
        numbered = select(table, place).where(key.column.in_(parents), rows_seen(table, viewer)).subquery()
        inner = numbered.columns
        query = select(numbered).where(inner.place <= most).order_by(inner[key.name], inner.place)
        found: dict[str, list[object]] = {}
        for row in await context.rows(query, viewer):
            found.setdefault(getattr(row, key.name), []).append(row)
        return [found.get(parent, []) for parent in parents]

    return load
