"""Rows written as JSON: their columns, the rows that they name, and those that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import BigInteger, ColumnElement, FromClause, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from api.graph.planned.field_text import (
    BROKEN,
    NULL,
    ColumnKind,
    Expression,
    JsonText,
    constant,
    joined,
    object_text,
    string,
    value_text,
)
from api.graph.planned.parameters import NotPlannedError
from api.graph.planned.selections import Selected, Selections
from api.graph.queries.sources import ChildrenSource, FirstGivenSource, KeySource, LinkSource, source_of
from api.web.request_reads import Query
from projections.read_model import ReadModel
from projections.row_security import Viewer, rows_seen


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table or of a query under a name in a statement. A column that is `empty` has no value there.

    `used` are those that the statement names.
    """

    name: str
    kinds: Mapping[str, ColumnKind]
    empty: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)

    def __getitem__(self, column: str) -> Expression:
        """Return a column; raises NotPlannedError where there is none of that name."""
        if column not in self.kinds:
            raise NotPlannedError
        self.used.add(column)
        return literal_column(f'{self.name}."{column}"', self.kinds[column])

    def text(self, selected: Selected) -> JsonText:
        name = selected.definition.python_name
        if name in self.empty:
            return NULL
        value = self[name]
        return value_text(value, self.kinds[name], selected.schema_field.type)


def columns_of(model: ReadModel, name: str) -> Columns:
    return Columns(name, {key: column.column.type for key, column in model.row.__columns__.items()})


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Writes rows for a class of viewers, with at most so many rows in a list without pages."""

    selections: Selections
    viewer: Viewer
    most_children: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def object(self, selected: Selected, columns: Columns) -> JsonText:
        """Write the object of a row; raises NotPlannedError where a field of it is not planned."""
        members = [(it.key, self._value(selected, it, columns)) for it in self.selections.below(selected)]
        return object_text(members)

    def _value(self, of: Selected, selected: Selected, columns: Columns) -> JsonText:
        if selected.field is None:
            return string(of.object_type.name)
        definition = selected.definition
        match source_of(definition):
            case None if definition.base_resolver is None:
                return columns.text(selected)
            case KeySource(columns=names):
                return _key(columns, names)
            case FirstGivenSource() as source:
                return self._first_given(source, selected, columns)
            case LinkSource() as link:
                return self._link(link, selected, columns)
            case ChildrenSource() as children:
                return self._children(children, selected, columns)
            case _:
                raise NotPlannedError

    def _first_given(self, source: FirstGivenSource, selected: Selected, columns: Columns) -> JsonText:
        names = source.columns[selected.arguments(self.selections.variables)[source.argument]]
        found = func.coalesce(*(func.nullif(columns[name], constant("")) for name in names), constant(""))
        return value_text(found, Text(), selected.schema_field.type)

    def _link(self, link: LinkSource, selected: Selected, columns: Columns) -> JsonText:
        if link.column.name in columns.empty:
            return NULL
        linked, rows = self._seen(link.model)
        text = func.coalesce(self.object(selected, linked), BROKEN)
        query = select(text).select_from(rows).where(linked[link.key.name] == columns[link.column.name])
        return func.coalesce(query.scalar_subquery(), NULL)

    def _children(self, children: ChildrenSource, selected: Selected, columns: Columns) -> JsonText:
        child, rows = self._seen(children.model)
        order = [it.name for it in children.order] or list(children.model.row.__keys__)
        own = child[children.key.name] == columns[children.key.name]
        ordered = [child[name] for name in order]
        first: Query = select(literal_column("*")).select_from(rows).where(own).order_by(*ordered)
        shown = columns_of(children.model, self._name())
        text = func.coalesce(self.object(selected, shown), BROKEN)
        separated = aggregate_order_by(constant(","), *(shown[name] for name in order))
        limited = first.limit(literal_column(str(self.most_children))).subquery(shown.name)
        query = select(func.coalesce(func.string_agg(text, separated), constant(""))).select_from(limited)
        return joined([constant("["), query.scalar_subquery(), constant("]")])

    def _seen(self, model: ReadModel) -> tuple[Columns, FromClause]:
        """Return the rows of a read model that the viewer sees. Such rows are about nobody."""
        if model.about:
            raise NotPlannedError
        columns = columns_of(model, self._name())
        seen = rows_seen(model.table, self.viewer)
        return columns, select(model.table).where(seen).subquery(columns.name)

    def _name(self) -> str:
        return f"t{next(self._numbers)}"


def _key(columns: Columns, names: Sequence[str]) -> JsonText:
    parts: list[ColumnElement[str]] = []
    for name in names:
        column = columns[name]
        if not isinstance(column.type, Text | BigInteger):
            raise NotPlannedError
        parts += [constant("."), cast(column, Text)]
    return cast(func.to_json(joined(parts[1:])), Text)
