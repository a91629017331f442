"""The fields of `Query` that are planned: a row by its key, rows in groups. A list has a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy import literal as value_of

from api.graph.planned.access_notes import noted_columns
from api.graph.planned.field_text import BROKEN_BYTE
from api.graph.planned.parameters import Given, NotPlannedError, ShapedStatement, Values, shaped
from api.graph.planned.row_text import Columns, RowWriter, columns_of
from api.graph.planned.selections import Selected
from api.graph.queries.disclosure import Disclosure
from api.graph.queries.filters import Filters, Keeps, Kept
from api.graph.queries.groups import ROWS_IN_GROUP, Grouping
from api.graph.queries.sources import Arguments, GroupsSource, RowSource
from api.web.request_reads import Query
from projections.prepared_statements import BoundStatement, Cells
from projections.read_model import ReadModel
from projections.row_security import Viewer, rows_seen

MAX_SHAPES = 32
"""Shapes of requests whose statements are kept for a field of a plan."""

Results: TypeAlias = Sequence[Sequence[Cells]]
Answer: TypeAlias = Callable[[Results, Disclosure], bytes]
"""Writes the JSON of a field from the rows of its statements, and notes the persons in it."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What is read for a field with its arguments, and how its answer is made of that."""

    statements: Sequence[ShapedStatement]
    values: Values
    answer: Answer

    def bound(self, viewer: Viewer) -> Sequence[BoundStatement]:
        return [it.bound(viewer, self.values) for it in self.statements]


class PlannedField(Protocol):
    """A field of `Query` that is planned for a class of viewers."""

    @property
    def model(self) -> ReadModel | None:
        """The read model whose rows the field is made of; None where it is made of no rows."""

    def reading(self, arguments: Arguments) -> FieldReading:
        """Return what is read for arguments; raises NotPlannedError where the standard executor has to answer."""


def whole(text: bytes | None) -> bytes:
    """Return the JSON that PostgreSQL wrote; raises NotPlannedError where the specification wants an error."""
    if text is None or BROKEN_BYTE in text:
        raise NotPlannedError
    return text


def list_of(texts: Sequence[bytes | None]) -> bytes:
    """Write a list of values as PostgreSQL wrote them."""
    known = [it for it in texts if it is not None]
    if len(known) < len(texts):
        raise NotPlannedError
    return whole(b"[" + b",".join(known) + b"]")


# --- Statements by shape --------------------------------------------------------------------------------------------

K = TypeVar("K")
V = TypeVar("V")
Shape: TypeAlias = Sequence[tuple[str, Keeps]]


def shape_of(filters: Filters) -> Shape:
    """Return what the filters of a request have in common with others whose values differ."""
    return tuple((it.column.name, it.keeps) for it in filters.kept)


def values_of(filters: Filters) -> list[object]:
    return [it.value for it in filters.kept]


def conditions_of(filters: Filters) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of all requests of a shape, in which `Given` stands for the values."""
    given = [Kept(it.column, it.keeps, Given(place)) for place, it in enumerate(filters.kept)]
    return Filters(given, filters.fixed).conditions


def made_once(known: dict[K, V], most: int, key: K, make: Callable[[], V]) -> V:
    """Return what was made for a key, or make it; what was made before is forgotten where it would be too much."""
    if key not in known:
        if len(known) >= most:
            known.clear()
        known[key] = make()
    return known[key]


# --- No rows --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlannedTypename:
    """The name of the type `Query`."""

    name: str
    model: None = None

    def reading(self, _arguments: Arguments) -> FieldReading:
        return FieldReading([], (), lambda _results, _disclosure: f'"{self.name}"'.encode())


# --- A row by its key -----------------------------------------------------------------------------------------------


class PlannedRow:
    """A row by its key."""

    def __init__(self, source: RowSource, selected: Selected, writer: RowWriter) -> None:
        self.model, self._together = source.model, source.together
        table, columns = source.model.table, columns_of(source.model, "q")
        seen = rows_seen(table, writer.viewer)
        key = source.key.column == value_of(Given(0), source.key.column.type)
        found = select(table).where(key, seen).subquery("q")
        self._notes, noted = noted_columns(source.model, columns, 1)
        query = select(writer.object(selected, columns).label("text"), *noted).select_from(found)
        self._statement = shaped(query, generic=True)

    def reading(self, arguments: Arguments) -> FieldReading:
        key = arguments["key_value"]
        if not key and self._together:
            raise NotPlannedError
        return FieldReading([self._statement], [key], self._answer)

    def _answer(self, results: Results, disclosure: Disclosure) -> bytes:
        (rows,) = results
        self._notes.note(rows, disclosure)
        return whole(rows[0][0]) if rows else b"null"


# --- Rows in groups -------------------------------------------------------------------------------------------------


def dimensions(selected: Selected, grouping: Grouping, writer: RowWriter) -> Sequence[str]:
    """Return the dimensions that the argument `by` of a field names."""
    return grouping.names(selected.arguments(writer.selections.variables)["by"])


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups by dimensions that are known, of which some numbers are selected."""

    grouping: Grouping
    by: Sequence[str]
    selected: Selected
    writer: RowWriter
    most: int

    def query(self, model: ReadModel, where: Sequence[ColumnElement[bool]]) -> Query:
        """Return the query for the JSON of each group, and how many rows it has."""
        grouping = self.grouping
        names = {it.definition.python_name for it in self.writer.selections.below(self.selected) if it.field}
        seen = [*where, rows_seen(model.table, self.writer.viewer)]
        groups = grouping.query(model.table, seen, self.by, names, self.most).subquery("q")
        kinds = {name: grouping.dimensions[name].type for name in self.by}
        kinds |= {name: measure.type for name, measure in grouping.measures.items() if name in names}
        empty = frozenset(grouping.dimensions.keys() - set(self.by))
        columns = Columns("q", kinds, empty)
        text = self.writer.object(self.selected, columns)
        return select(text.label("text"), literal_column(f"q.{ROWS_IN_GROUP}")).select_from(groups)

    def text(self, rows: Sequence[Cells]) -> bytes:
        if len(rows) > self.most:
            raise NotPlannedError
        return list_of([row[0] for row in rows])


class PlannedGroups:
    """Rows that are summed in groups."""

    def __init__(self, source: GroupsSource, selected: Selected, writer: RowWriter, most: int) -> None:
        self.model, self._source = source.model, source
        by = dimensions(selected, source.grouping, writer)
        self._groups = Groups(source.grouping, by, selected, writer, most)
        self._statements: dict[Shape, ShapedStatement] = {}

    def reading(self, arguments: Arguments) -> FieldReading:
        filters = self._source.row_filter.read(arguments.get("where"))
        statement = made_once(self._statements, MAX_SHAPES, shape_of(filters), lambda: self._made(filters))
        return FieldReading([statement], values_of(filters), lambda results, _: self._groups.text(results[0]))

    def _made(self, filters: Filters) -> ShapedStatement:
        return shaped(self._groups.query(self.model, conditions_of(filters)), generic=False)
