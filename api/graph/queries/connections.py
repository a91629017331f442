"""Pages of rows on keyset cursors, by the Relay specification (https://relay.dev/graphql/connections.htm).

A cursor holds the key of its row in the natural order of the list, so that rows which come or go between two pages
neither repeat nor hide others.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Generic, TypeVar

import orjson
import strawberry
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Row,
    Table,
    Text,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
)

from api.graph.queries.query_context import Asking
from api.graph.queries.values import LEAST_LONG, MOST_LONG, During, Long, Months, described
from api.graph.queries.visibility import seen
from api.web.errors import Problem
from domain.kernel import MalformedValue
from domain.kernel.instants import read_day, read_instant
from projections.sums import total
from projections.words import CIVIL_TIME

PAGE_SIZE = 50
MOST_ROWS = 100
MOST_CURSOR = 1_000
"""Characters of a cursor."""

MOST_GROUPS = 1_000

T = TypeVar("T")

# --- Order and cursors ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """The natural order of a list. The columns tell every row from every other and are never empty."""

    columns: tuple[Column[Any], ...]
    newest_first: bool = False

    @property
    def name(self) -> str:
        return f"{'-' if self.newest_first else ''}{','.join(column.name for column in self.columns)}"

    def by(self, *, backwards: bool) -> list[ColumnElement[Any]]:
        down = self.newest_first is not backwards
        return [column.desc() if down else column.asc() for column in self.columns]

    def beyond(self, cursor: Sequence[Any], *, backwards: bool) -> ColumnElement[bool]:
        """Keep the rows after the one of the cursor, or before it."""
        ours = tuple_(*self.columns)
        theirs = tuple_(*(literal(it, column.type) for it, column in zip(cursor, self.columns, strict=True)))
        return ours < theirs if self.newest_first is not backwards else ours > theirs

    def cursor(self, row: Row[Any]) -> str:
        values = [getattr(row, column.name) for column in self.columns]
        return base64.urlsafe_b64encode(orjson.dumps([self.name, *values])).decode().rstrip("=")

    def read(self, cursor: str) -> tuple[Any, ...]:
        """Return the key in a cursor; refuse what is not a cursor of this order as `invalid-cursor`."""
        try:
            name, *values = _unpacked(cursor)
            if name == self.name:
                return tuple(_value(it, column) for it, column in zip(values, self.columns, strict=True))
        except (ValueError, TypeError, MalformedValue) as error:
            raise _invalid_cursor() from error
        raise _invalid_cursor()


def _invalid_cursor() -> Problem:
    return Problem(422, "invalid-cursor", "This is not a cursor of this list.")


def _unpacked(cursor: str) -> list[Any]:
    if len(cursor) > MOST_CURSOR:
        raise ValueError("longer than any of ours")
    padded = cursor + "=" * (-len(cursor) % 4)
    # What is no base64 or no JSON is refused with a ValueError too, and what is no list with a TypeError.
    return list(orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))


def _value(value: object, column: Column[Any]) -> Any:  # noqa: ANN401 - as the column has it
    match column.type, value:
        case Text(), str() if "\0" not in value:
            return value
        case BigInteger(), int() if not isinstance(value, bool) and LEAST_LONG <= value <= MOST_LONG:
            return value
        case DateTime(), str():
            return read_instant(value)
        case Date(), str():
            return read_day(value)
        case _:
            raise ValueError(f"not a value of {column.name}")


# --- Pages ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a list that was asked for: so many rows, forwards from the start or backwards from the end."""

    size: int
    backwards: bool
    after: str | None
    before: str | None


def part(first: int | None, after: str | None, last: int | None, before: str | None) -> Slice:
    """Read the four arguments of a connection: `first` or `last`, never both."""
    if first is not None and last is not None:
        raise Problem(422, "ambiguous-page", "Ask for the first or for the last rows, not for both.")
    size = first if first is not None else last
    size = PAGE_SIZE if size is None else size
    if size < 0:
        raise Problem(422, "invalid-page-size", "A page has no fewer than 0 rows.")
    if size > MOST_ROWS:
        raise Problem(422, "page-too-large", f"A page has at most {MOST_ROWS} rows.")
    return Slice(size=size, backwards=last is not None, after=after or None, before=before or None)


class Listing:
    """A list as its caller sees it, filtered; one part of it is read, once, and only when something of it is wanted."""

    def __init__(
        self,
        asking: Asking,
        table: Table,
        order: Order,
        where: Sequence[ColumnElement[bool]],
        wanted: Slice,
        *,
        told: ColumnElement[bool] | None = None,
    ) -> None:
        """Begin a list. What visibility says of the table can be given (`told`), where more than the role decides."""
        self.asking = asking
        self.table = table
        self.order = order
        self.wanted = wanted
        self.where = (*where, seen(asking.caller, table) if told is None else told)
        self._beyond = [
            order.beyond(order.read(cursor), backwards=backwards)
            for cursor, backwards in ((wanted.after, False), (wanted.before, True))
            if cursor is not None
        ]
        self._page: asyncio.Task[Page] | None = None

    async def page(self) -> Page:
        if self._page is None:
            self._page = asyncio.ensure_future(self._read())
        return await self._page

    async def total(self) -> int:
        found = await self.asking.number(select(func.count()).select_from(self.table).where(*self.where))
        if found:
            self.asking.held.narrowed(self.table, self.where)
        return found

    async def totals(
        self, by: Sequence[Enum], dimensions: Mapping[str, ColumnElement[Any]], *measures: ColumnElement[Any]
    ) -> Any:  # noqa: ANN401 - rows stand for their GraphQL type
        found = await totals(self.asking, self.table, self.where, by, dimensions, *measures)
        # Without dimensions there is one group of all rows, also of none: then all that it says is zero or nothing.
        if any(value for group in found for value in group):
            self.asking.held.narrowed(self.table, self.where)
        return found

    async def _read(self) -> Page:
        wanted = self.wanted
        query = select(self.table).where(*self.where, *self._beyond)
        query = query.order_by(*self.order.by(backwards=wanted.backwards)).limit(wanted.size + 1)
        found = await self.asking.rows(query)
        rows, more = found[: wanted.size], len(found) > wanted.size
        if wanted.backwards:
            return Page(rows[::-1], more, has_next=wanted.before is not None, has_previous=more)
        return Page(rows, more, has_next=more, has_previous=wanted.after is not None)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their order. A cursor that was given speaks for rows on its own side; `more` were found beyond them."""

    rows: Sequence[Row[Any]]
    more: bool
    has_next: bool
    has_previous: bool


# --- Filters and totals ---------------------------------------------------------------------------------------------


def conditions(table: Table, *inputs: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - input types
    """Turn the fields of input types into conditions on the columns of the same name; what is left out filters nothing.

    A list keeps each of its values, a `During` an interval of instants, `Months` one of months.
    """
    given = [(it.name, getattr(source, it.name)) for source in inputs if source is not None for it in fields(source)]
    return [condition for name, value in given if value is not None for condition in _condition(table.c[name], value)]


def _condition(column: Column[Any], value: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - of any input field
    match value:
        case list():
            if len(value) > MOST_ROWS:
                raise Problem(422, "filter-too-long", f"A filter names at most {MOST_ROWS} values.")
            return [column.in_([_plain(it) for it in value])]
        case During():
            since = [column >= value.since] if value.since is not None else []
            return since + ([column < value.until] if value.until is not None else [])
        case Months():
            value.check()
            first = [column >= value.first] if value.first is not None else []
            return first + ([column <= value.last] if value.last is not None else [])
        case _:
            return [column == _plain(value)]


def _plain(value: Any) -> Any:  # noqa: ANN401 - as the column has it
    return value.value if isinstance(value, Enum) else value


def month_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the civil month of an instant, as `2021-11`."""
    zone = literal_column(f"'{CIVIL_TIME.key}'", Text)
    return func.to_char(func.timezone(zone, column), literal_column("'YYYY-MM'", Text))


def summed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return total(column).label(column.key)


async def totals(
    asking: Asking,
    table: Table,
    where: Sequence[ColumnElement[bool]],
    by: Sequence[Enum],
    dimensions: Mapping[str, ColumnElement[Any]],
    *measures: ColumnElement[Any],
) -> Any:  # noqa: ANN401 - rows stand for their GraphQL type
    """Group the rows that the caller sees by some dimensions; a dimension that is not asked for is empty."""
    wanted = list(dict.fromkeys(str(it.value) for it in by))
    groups = [dimensions[name] for name in wanted]
    columns = [dimensions[name].label(name) if name in wanted else null().label(name) for name in dimensions]
    query = select(*columns, *measures).where(*where, seen(asking.caller, table)).group_by(*groups).order_by(*groups)
    rows = await asking.rows(query.limit(MOST_GROUPS + 1))
    if len(rows) > MOST_GROUPS:
        raise Problem(422, "too-many-groups", f"There are more than {MOST_GROUPS} groups: filter, or group by less.")
    return rows


# --- The types ------------------------------------------------------------------------------------------------------


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    listing: strawberry.Private[Listing]
    page: strawberry.Private[Page]

    @strawberry.field
    def start_cursor(self) -> str | None:
        return self._cursor(self.page.rows[:1])

    @strawberry.field
    def end_cursor(self) -> str | None:
        return self._cursor(self.page.rows[-1:])

    def _cursor(self, end: Sequence[Row[Any]]) -> str | None:
        for row in end:
            self.listing.asking.held.row(self.listing.table, row)
        return self.listing.order.cursor(end[0]) if end else None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    listing: strawberry.Private[Listing]

    @strawberry.field
    async def edges(self) -> list[Edge[T]]:
        order = self.listing.order
        return [Edge(cursor=order.cursor(row), node=row) for row in (await self.listing.page()).rows]  # type: ignore[arg-type]

    @strawberry.field
    async def page_info(self) -> PageInfo:
        page = await self.listing.page()
        if page.more:
            self.listing.asking.held.narrowed(self.listing.table, self.listing.where)
        return PageInfo(
            has_next_page=page.has_next, has_previous_page=page.has_previous, listing=self.listing, page=page
        )

    @described("How many there are on all pages; counted only when asked for.")
    async def total_count(self) -> Long:
        return Long(await self.listing.total())
