"""Pages of rows by the Relay specification (https://relay.dev/graphql/connections.htm).

An agency sees a row in one of several ways. A page is a merge of one limited index scan for each way, so that its cost
depends neither on the number of the agency's rows nor on that of all rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table, false, func, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from api.graph.queries.cursors import CursorOrder
from api.graph.queries.filters import Filters
from api.graph.queries.groups import Grouping
from api.graph.queries.query_context import Info, QueryContext, shared
from api.web.errors import Problem
from api.web.request_reads import Query, Rows
from projections.read_model import ListOrder, ReadModel
from projections.row_security import Viewer, arms, rows_seen, written_out

Expressions: TypeAlias = Sequence[ColumnElement[Any]]

PAGE_SIZE = 50
MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The part of a list that was asked for: so many rows, forwards from the start or backwards from the end."""

    size: int
    backwards: bool
    after: str | None
    before: str | None


def page_of(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """Read the four arguments of a connection: `first` or `last`, never both."""
    if first is not None and last is not None:
        raise Problem(422, "ambiguous-page", "Ask for the first or for the last rows, not for both.")
    size = first if first is not None else last
    size = PAGE_SIZE if size is None else size
    if size < 0:
        raise Problem(422, "invalid-page-size", "A page has no fewer than 0 rows.")
    if size > MAX_ROWS:
        raise Problem(422, "page-too-large", f"A page has at most {MAX_ROWS} rows.")
    return PageRequest(size=size, backwards=last is not None, after=after, before=before)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their order. A cursor that was given proves rows on its own side; `more` were found on the other."""

    rows: Rows
    more: bool
    has_next: bool
    has_previous: bool


@dataclass(slots=True)
class ConnectionQuery:
    """A filtered list as its viewer sees it. One page of it is read, once, and only when something of it is asked."""

    context: QueryContext
    model: ReadModel
    listed: ListOrder
    filters: Filters
    wanted: PageRequest
    viewer: Viewer
    order: CursorOrder = field(init=False)
    _query: Query = field(init=False)
    _page: asyncio.Task[Page] | None = None

    def __post_init__(self) -> None:
        self.order = CursorOrder(self.listed)
        # A text that is no cursor is refused before anything is read.
        self._query = page_query(self.model.table, self.listed, self.wanted, self.viewer, self.filters.conditions)

    async def page(self) -> Page:
        if self._page is None:
            self._page = asyncio.ensure_future(self._read())
        return await shared(self._page)

    async def total(self) -> int:
        seen = rows_seen(self.model.table, self.viewer)
        query = select(func.count()).select_from(self.model.table).where(*self._where(), seen)
        found = int((await self.context.rows(query, self.viewer))[0][0])
        if found:
            self.note_narrowed()
        return found

    async def totals(self, info: Info, grouping: Grouping, by: Sequence[object]) -> Rows:
        groups = await grouping.read(info, self.model.table, self.viewer, self._where(), by)
        # Without dimensions there is one group of all rows, also of none.
        if any(group.rows_in_group for group in groups):
            self.note_narrowed()
        return groups

    def _where(self) -> Sequence[ColumnElement[bool]]:
        return [*self.filters.conditions, *self.listed.where]

    def note_narrowed(self) -> None:
        """Note that the answer tells how many rows there are of the persons whom the filters name."""
        self.context.disclosure.narrowed(self.model, self.filters.named)

    async def _read(self) -> Page:
        wanted = self.wanted
        found = await self.context.rows(self._query, self.viewer)
        rows, more = found[: wanted.size], len(found) > wanted.size
        if wanted.backwards:
            return Page(rows[::-1], more, has_next=wanted.before is not None, has_previous=more)
        return Page(rows, more, has_next=more, has_previous=wanted.after is not None)


def page_query(
    table: Table,
    order: ListOrder,
    page: PageRequest,
    viewer: Viewer,
    where: Sequence[ColumnElement[bool]] = (),
) -> Query:
    """Return the query for the rows of a page and one row more; `where` narrows the list further."""
    read = CursorOrder(order).read
    after, before = (None if it is None else read(it) for it in (page.after, page.before))
    return ListedRows(table, order, page.size, page.backwards, after, before, where).seen_by(viewer)


@dataclass(frozen=True, slots=True)
class ListedRows:
    """The first rows of a list, or its last: after the row with a key and before that with another, if one is given.

    They have those of the columns that are `named`, without names all.
    """

    table: Table
    listed: ListOrder
    size: int
    backwards: bool
    after: Sequence[object] | None
    before: Sequence[object] | None
    where: Sequence[ColumnElement[bool]]
    named: Collection[str] = ()

    def seen_by(self, viewer: Viewer) -> Query:
        """Return the query for the rows that a viewer sees, and one row more."""
        ways = arms(self.table, viewer)
        if ways is None:
            return self._limited()
        if len(ways) <= 1:
            return self._limited(*(ways or [false()]))
        return self._merged(ways)

    def ordered(self, query: Query, columns: Expressions) -> Query:
        """Order a query by columns that have the names of those of the order."""
        return query.order_by(*CursorOrder(self.listed).by(columns, backwards=self.backwards))

    def _limited(self, *way: ColumnElement[bool]) -> Query:
        order = CursorOrder(self.listed)
        keys = ((self.after, False), (self.before, True))
        beyond = [order.beyond(key, backwards=backwards) for key, backwards in keys if key is not None]
        where = [*way, *self.where, *map(written_out, self.listed.where), *beyond]
        shown = [column for column in self.table.columns if not self.named or column.name in self.named]
        return self._first(select(*shown).where(*where), order.columns)

    def _merged(self, ways: Sequence[ColumnElement[bool]]) -> Query:
        """Merge the rows that are seen in each way; a row that is seen in several ways is listed once."""
        merged = union_all(*(self._limited(way) for way in ways)).subquery("merged")
        columns = [merged.columns[column.name] for column in self.listed.columns]
        return self._first(select(merged).ext(distinct_on(*columns)), columns)

    def _first(self, query: Query, columns: Expressions) -> Query:
        # PostgreSQL plans a limit that is a parameter for a tenth of the rows.
        limit: ColumnElement[int] = literal_column(str(self.size + 1))
        return self.ordered(query, columns).limit(limit)
