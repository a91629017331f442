"""Lists in pages: their edges, cursors, counts and totals, each read only where it is selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from sqlalchemy import BigInteger, DateTime, Text, func, literal_column, select

from api.graph.planned.access_notes import noted_columns
from api.graph.planned.field_text import Expression, JsonText, object_text, string
from api.graph.planned.parameters import Given, NotPlannedError, ShapedStatement, Values, shaped
from api.graph.planned.roots import (
    MAX_SHAPES,
    FieldReading,
    Groups,
    Results,
    conditions_of,
    dimensions,
    list_of,
    made_once,
    shape_of,
    values_of,
    whole,
)
from api.graph.planned.row_text import RowWriter, columns_of
from api.graph.planned.selections import Selected
from api.graph.queries.connections import ListedRows, PageRequest
from api.graph.queries.cursors import CursorOrder
from api.graph.queries.disclosure import Disclosure
from api.graph.queries.filters import Filters
from api.graph.queries.sources import Arguments, ListSource, TotalsSource, source_of
from api.web.request_reads import Query
from projections.prepared_statements import Cells
from projections.row_security import rows_seen, written_out


@dataclass(slots=True)
class Found:
    """What was read for one request: its page, if any of it is selected, the number of rows, and totals."""

    page: PageRequest
    rows: Sequence[Cells]
    more: bool
    others: Sequence[Sequence[Cells]]


Named: TypeAlias = Iterable[tuple[str, object]]
Piece: TypeAlias = Callable[[Found], bytes]
"""Writes the JSON of a part of a connection."""
CURSOR = "cursor"


class PlannedList:
    """A list in pages."""

    def __init__(self, source: ListSource, selected: Selected, writer: RowWriter, most_groups: int) -> None:
        self.model, self._source, self._writer, self._most_groups = source.model, source, writer, most_groups
        self._columns, self._order = columns_of(source.model, "q"), CursorOrder(source.listed)
        self._texts: list[JsonText] = []
        self._groups: list[Groups] = []
        self._shows_edges = self._shows_info = self._shows_cursors = self._counts = False
        self._ends: set[str] = set()
        self._pieces = [(it.key, self._piece(selected, it)) for it in writer.selections.below(selected)]
        self._notes, self._noted = noted_columns(source.model, self._columns, len(self._texts))
        self._keys_from = len(self._texts) + len(self._noted)
        self._statements: dict[tuple[object, ...], Sequence[ShapedStatement]] = {}

    # --- What is selected -------------------------------------------------------------------------------------------

    def _piece(self, connection: Selected, selected: Selected) -> Piece:
        if selected.field is None:
            return _constant(connection.object_type.name)
        definition = selected.definition
        match source_of(definition), definition.python_name:
            case TotalsSource(grouping=grouping), _:
                by = dimensions(selected, grouping, self._writer)
                groups = Groups(grouping, by, selected, self._writer, self._most_groups)
                self._groups.append(groups)
                place = len(self._groups)
                return lambda found: groups.text(found.others[-place])
            case _, "edges":
                self._shows_edges = True
                return self._edges(selected)
            case _, "page_info":
                self._shows_info = True
                return self._page_info(selected)
            case _, "total_count":
                self._counts = True
                return lambda found: whole(found.others[0][0][0])
            case _:
                raise NotPlannedError

    def _edges(self, selected: Selected) -> Piece:
        members: list[tuple[str, JsonText | None]] = []
        for it in self._writer.selections.below(selected):
            if it.field is None:
                members.append((it.key, string(selected.object_type.name)))
            elif it.definition.python_name == CURSOR:
                self._shows_cursors = True
                members.append((it.key, None))
            else:
                members.append((it.key, self._writer.object(it, self._columns)))
        if all(text is not None for _, text in members):
            place = self._place_of(object_text([(key, text) for key, text in members if text is not None]))
            return lambda found: list_of([row[place] for row in found.rows])
        parts = [(key, None if text is None else self._place_of(text)) for key, text in members]
        return lambda found: list_of([self._edge(parts, row) for row in found.rows])

    def _edge(self, parts: Sequence[tuple[str, int | None]], row: Cells) -> bytes:
        return _object((key, self._cursor(row) if place is None else whole(row[place])) for key, place in parts)

    def _place_of(self, text: JsonText) -> int:
        self._texts.append(text)
        return len(self._texts) - 1

    def _page_info(self, selected: Selected) -> Piece:
        pieces = [
            (it.key, self._of_page(it.definition.python_name) if it.field else _constant(selected.object_type.name))
            for it in self._writer.selections.below(selected)
        ]
        return lambda found: _object((key, piece(found)) for key, piece in pieces)

    def _of_page(self, name: str) -> Piece:
        match name:
            case "has_next_page":
                return lambda found: _boolean(found.page.before is not None if found.page.backwards else found.more)
            case "has_previous_page":
                return lambda found: _boolean(found.more if found.page.backwards else found.page.after is not None)
            case "start_cursor" | "end_cursor":
                self._shows_cursors = True
                self._ends.add(name)
                at = 0 if name == "start_cursor" else -1
                return lambda found: self._cursor(found.rows[at]) if found.rows else b"null"
            case _:
                raise NotPlannedError

    def _cursor(self, row: Cells) -> bytes:
        values = [_key_value(column.type, row[self._keys_from + at]) for at, column in enumerate(self._order.columns)]
        return b'"' + self._order.cursor_of(values).encode() + b'"'

    @property
    def _reads_page(self) -> bool:
        return self._shows_edges or self._shows_info

    # --- A request --------------------------------------------------------------------------------------------------

    def reading(self, arguments: Arguments) -> FieldReading:
        page, filters = self._source.wanted(arguments)
        after, before = (None if it is None else self._order.read(it) for it in (page.after, page.before))
        shape = (shape_of(filters), page.size, page.backwards, after is None, before is None)
        statements = made_once(self._statements, MAX_SHAPES, shape, lambda: self._made(page, filters))
        values = [*values_of(filters), *(after or ()), *(before or ())]

        def answer(results: Results, disclosure: Disclosure) -> bytes:
            return self._answer(page, filters.named, results, disclosure)

        return FieldReading(statements, values, answer)

    def _made(self, page: PageRequest, filters: Filters) -> Sequence[ShapedStatement]:
        table, listed, conditions = self.model.table, self._source.listed, conditions_of(filters)
        made: list[ShapedStatement] = []
        if self._reads_page:
            first = len(filters.kept)
            after, before = self._given(page.after, first), self._given(page.before, first + self._key_size(page.after))
            rows = ListedRows(table, listed, page.size, page.backwards, after, before, conditions)
            made.append(shaped(self._page_query(rows), generic=not filters.kept))
        where = [*conditions, *map(written_out, listed.where)]
        if self._counts:
            seen = rows_seen(table, self._writer.viewer)
            made.append(shaped(select(func.count()).select_from(table).where(*where, seen), generic=False))
        made += [shaped(it.query(self.model, where), generic=False) for it in reversed(self._groups)]
        return made

    def _given(self, cursor: str | None, first: int) -> Values | None:
        return None if cursor is None else [Given(first + at) for at in range(self._key_size(cursor))]

    def _key_size(self, cursor: str | None) -> int:
        return 0 if cursor is None else len(self._order.columns)

    def _page_query(self, rows: ListedRows) -> Query:
        keys = [_written(self._columns[it.name]) for it in self._order.columns] if self._shows_cursors else []
        shown: list[Expression] = [it.label(f"c{at}") for at, it in enumerate([*self._texts, *self._noted, *keys])]
        named = self._columns.used.union(it.name for it in self._order.columns)
        found = replace(rows, named=named).seen_by(self._writer.viewer).subquery("q")
        query = select(*(shown or [literal_column("1")])).select_from(found)
        return rows.ordered(query, [self._columns[it.name] for it in self._order.columns])

    # --- Its answer -------------------------------------------------------------------------------------------------

    def _answer(self, page: PageRequest, named: Named, results: Results, disclosure: Disclosure) -> bytes:
        found = self._found(page, results)
        self._note(found, named, disclosure)
        return _object((key, piece(found)) for key, piece in self._pieces)

    def _found(self, page: PageRequest, results: Results) -> Found:
        if not self._reads_page:
            return Found(page, (), more=False, others=results)
        read, others = results[0], results[1:]
        rows = read[: page.size]
        return Found(page, rows[::-1] if page.backwards else rows, more=len(read) > page.size, others=others)

    def _note(self, found: Found, named: Named, disclosure: Disclosure) -> None:
        """Note the persons in the answer, as the standard executor does where it makes objects."""
        rows = found.rows
        if self._shows_edges:
            self._notes.note(rows, disclosure)
        elif self._ends:
            ends = {"start_cursor": rows[:1], "end_cursor": rows[-1:]}
            self._notes.note([row for end in self._ends for row in ends[end]], disclosure)
        groups = found.others[1 if self._counts else 0 :]
        if (
            (self._shows_info and found.more)
            or (self._counts and found.others[0][0][0] != b"0")
            or any(row[1] != b"0" for rows in groups for row in rows)
        ):
            disclosure.narrowed(self.model, named)


def _object(members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join([b'"' + key.encode() + b'":' + value for key, value in members]) + b"}"


def _constant(name: str) -> Piece:
    text = f'"{name}"'.encode()
    return lambda _: text


def _boolean(value: bool) -> bytes:
    return b"true" if value else b"false"


def _written(column: Expression) -> Expression:
    """Return a column of a key as `_key_value` reads it: an instant in UTC."""
    return func.timezone(literal_column("'UTC'", Text), column) if isinstance(column.type, DateTime) else column


def _key_value(kind: object, text: bytes | None) -> object:
    if text is None:
        raise NotPlannedError  # The standard executor says what is wrong with a row that has no place in its order.
    match kind:
        case DateTime():
            return datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)
        case BigInteger():
            return int(text)
        case _:
            return text.decode()
