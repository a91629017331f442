"""What one request may use: who asks, when, and the read models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from graphql import DocumentNode
from sqlalchemy import ColumnElement, Row, Table, func, select
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql import visitors
from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from api.dashboard.reader import FiguresReader, FiguresSnapshot
from api.graph.queries.disclosure import Held
from api.graph.queries.visibility import Query, visible
from api.web.errors import Problem, query_too_slow
from api.web.read_barrier import ReadBarrier, not_built
from application.ports import Caller, Opener, Sealed
from projections.progress import NotBuiltError
from projections.row_security import VIEWER, Viewer

QUERIES_AT_ONCE = 4
"""Of one request: a broad query may not take all connections."""

MOST_CHILDREN = 200
"""Rows of a nested list without pages; a connection reads on where that is not enough."""

MOST_KEYS = 500
"""Parents whose children are read with one query."""

NOT_IN_USE = frozenset({"42P01", "42501"})
"""SQLSTATE of a table that is not there, and of one that is not open to readers yet."""
OPENING = ("sealed texts",)


class Figures(FiguresReader, Protocol):
    """The figures, and the names of the tables that they are computed from."""

    @property
    def figure_tables(self) -> Collection[str]: ...


@dataclass(slots=True)
class Asking:
    """The context of one request.

    `person_in` returns who has an open session at the caller's organisation, by the session's id, or raises a problem.
    `held` is whose data the answer holds so far; `person_id` who asks about themselves, once a session has shown it.
    """

    caller: Caller
    now: datetime
    read_barrier: ReadBarrier
    engine: AsyncEngine
    figures: Figures
    document: DocumentNode
    opener: Opener
    person_in: Callable[[str], Awaitable[str]]
    held: Held = field(default_factory=Held)
    person_id: str = ""
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(QUERIES_AT_ONCE))
    _loaders: dict[tuple[Any, ...], DataLoader[Any, Any]] = field(default_factory=dict)

    async def rows(self, query: Query, mandator_id: str = "") -> Sequence[Row[Any]]:
        """Read with a query that visibility has limited; PostgreSQL limits it once more, by who asks.

        With `mandator_id`, the mandates of that one that reach every service are among the rows as well.
        """
        await self.read_barrier.wait_for(_tables(query))
        viewer = Viewer(
            role=self.caller.role,
            organisation_id=self.caller.organisation_id,
            mandator_id=mandator_id,
            person_id=self.person_id,
        )
        async with self._turns, self.engine.connect() as connection:
            try:
                return tuple(await connection.execute(query, execution_options={VIEWER: viewer}))
            except DataError as error:
                # A value that no column can hold, such as a text with a zero character.
                raise Problem(422, "invalid-value", "One of the values cannot be looked up.") from error
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
                    raise
                raise self.read_barrier.refuse(not_built(())) from error
            except OperationalError as error:
                raise query_too_slow(error) or error from error

    async def row(self, query: Query) -> Row[Any] | None:
        rows = await self.rows(query.limit(1))
        return rows[0] if rows else None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FiguresSnapshot]:
        """Open the figures at one position."""
        await self.read_barrier.wait_for(self.figures.figure_tables)
        async with self._turns:
            try:
                async with self.figures.snapshot() as snapshot:
                    yield snapshot
            except NotBuiltError as error:
                raise self.read_barrier.refuse(not_built(error.names)) from error
            except OperationalError as error:
                raise query_too_slow(error) or error from error

    async def number(self, query: Query) -> int:
        return int((await self.rows(query))[0][0])

    async def one(self, table: Table, **key: str | int) -> Any:  # noqa: ANN401 - a row stands for its GraphQL type
        """Read the row with a key, if there is one that the caller sees."""
        return await self.row(visible(self.caller, table).where(*(table.c[name] == it for name, it in key.items())))

    async def linked(self, table: Table, key: str, value: str | None) -> Any:  # noqa: ANN401 - as above
        """Read one row by a column that names it, together with the other rows that this request asks for."""
        if not value:
            return None
        rows = await self._children(table, key, ()).load(value)
        return rows[0] if rows else None

    async def children(self, table: Table, key: str, value: str, *order: ColumnElement[Any]) -> Any:  # noqa: ANN401
        """Read the rows of a parent, together with those of the other parents: one query for all."""
        return await self._children(table, key, order).load(value)

    async def open_sealed(self, sealed: Sealed) -> str | None:
        """Open a sealed text together with the others of this request; None if its person was erased."""
        loader = self._loaders.get(OPENING)
        if loader is None:
            loader = self._loaders[OPENING] = DataLoader(load_fn=self._open, max_batch_size=MOST_KEYS)
        text: str | None = await loader.load(sealed)
        return text

    async def _open(self, sealed: list[Sealed]) -> list[str | None]:
        return list(await self.opener(sealed))

    def _children(
        self, table: Table, key: str, order: tuple[ColumnElement[Any], ...]
    ) -> DataLoader[str, Sequence[Row[Any]]]:
        name = (table.name, key, *(str(it) for it in order))
        if name not in self._loaders:
            load = _by_parent(self, table, key, order)
            self._loaders[name] = DataLoader(load_fn=load, max_batch_size=MOST_KEYS)
        return self._loaders[name]


def _tables(query: Query) -> set[str]:
    """Return the names of all tables that a query reads, also those by which visibility is decided."""
    return {it.name for it in visitors.iterate(query) if isinstance(it, Table)}


Info: TypeAlias = StrawberryInfo[Asking, None]
Load: TypeAlias = Callable[[list[str]], Any]


def _by_parent(asking: Asking, table: Table, key: str, order: tuple[ColumnElement[Any], ...]) -> Load:
    async def load(parents: list[str]) -> list[Sequence[Row[Any]]]:
        place = func.row_number().over(partition_by=table.c[key], order_by=order or table.primary_key.columns.values())
        numbered = visible(asking.caller, table, select(table, place.label("place"))).where(table.c[key].in_(parents))
        inner = numbered.subquery()
        query = select(inner).where(inner.c.place <= MOST_CHILDREN).order_by(inner.c[key], inner.c.place)
        found: dict[str, list[Row[Any]]] = {}
        for row in await asking.rows(query):
            found.setdefault(getattr(row, key), []).append(row)
        return [found.get(parent, []) for parent in parents]

    return load
