"""Rows counted and summed in groups: the enumeration of dimensions, and the type of a group."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table, Text, func, literal_column, null, select
from strawberry.types import get_object_definition
from strawberry.types.nodes import SelectedField, Selection
from strawberry.utils.str_converters import to_camel_case

from api.graph.queries.query_context import Info
from api.web.errors import Problem
from api.web.request_reads import Query, Rows
from projections.row_security import RowColumn, Viewer, rows_seen
from projections.sums import total
from projections.words import CIVIL_TIME

Expression: TypeAlias = ColumnElement[Any]
Measures: TypeAlias = Mapping[str, ColumnElement[int]]
"""The numbers of a group, by their names: aggregates over its rows."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of groups: its member of an enumeration, the name of its field in a group, and its expression."""

    member: str
    name: str
    expression: Expression


ROWS_IN_GROUP = "rows_in_group"


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows are grouped: the enumeration `by` of dimensions, the type of a group, and their SQL expressions."""

    by: type[Enum]
    group: type
    dimensions: Mapping[str, Expression]
    measures: Measures

    async def read(
        self, info: Info, table: Table, viewer: Viewer, where: Sequence[ColumnElement[bool]], by: Sequence[object]
    ) -> Rows:
        """Group the rows that the viewer sees by members of the enumeration; a dimension not asked for is empty.

        Each group has the measures that are selected, and in `rows_in_group` the number of its rows.
        """
        bounds = info.context.bounds
        seen = [*where, rows_seen(table, viewer)]
        query = self.query(table, seen, self.names(by), self._selected(info), bounds.groups)
        rows = await info.context.rows(query, viewer)
        if len(rows) > bounds.groups:
            raise too_many_groups(bounds.groups)
        return rows

    def names(self, by: Sequence[object]) -> Sequence[str]:
        """Return the names of the dimensions that members of the enumeration stand for, each once."""
        return list(dict.fromkeys(str(self.by(member).value) for member in by))

    def _selected(self, info: Info) -> set[str]:
        selected = set(selected_names(it for field in info.selected_fields for it in field.selections))
        fields = get_object_definition(self.group, strict=True).fields
        return {it.python_name for it in fields if (it.graphql_name or to_camel_case(it.python_name)) in selected}

    def query(
        self,
        table: Table,
        where: Sequence[ColumnElement[bool]],
        by: Sequence[str],
        measures: Collection[str],
        most: int,
    ) -> Query:
        """Return the query for measures of the groups by dimensions, and of one group more than the most."""
        groups = [self.dimensions[name] for name in by]
        columns = [(of if name in by else null()).label(name) for name, of in self.dimensions.items()]
        summed_up = [measure.label(name) for name, measure in self.measures.items() if name in measures]
        query = select(*columns, *summed_up, func.count().label(ROWS_IN_GROUP)).select_from(table).where(*where)
        limit: ColumnElement[int] = literal_column(str(most + 1))
        return query.group_by(*groups).order_by(*groups).limit(limit)


def selected_names(selections: Iterable[Selection]) -> Iterator[str]:
    """Yield the names of the fields that are selected, in fragments too."""
    for it in selections:
        skipped, included = it.directives.get("skip", {}).get("if"), it.directives.get("include", {}).get("if", True)
        if skipped or not included:
            continue
        if isinstance(it, SelectedField):
            yield it.name
        else:
            yield from selected_names(it.selections)


def too_many_groups(most: int) -> Problem:
    return Problem(422, "too-many-groups", f"There are more than {most} groups: filter, or group by less.")


def by_columns(*columns: RowColumn) -> Sequence[Dimension]:
    """Return a dimension for each column: the member is its name in capitals, without `_ID`."""
    return [Dimension(column.name.removesuffix("_id").upper(), column.name, column.column) for column in columns]


def by_month(column: RowColumn) -> Dimension:
    """Return the dimension of the civil month of an instant, as `2021-11`."""
    zone = literal_column(f"'{CIVIL_TIME.key}'", Text)
    month = func.to_char(func.timezone(zone, column.column), literal_column("'YYYY-MM'", Text))
    return Dimension("MONTH", "month", month)


def counted() -> ColumnElement[int]:
    return func.count()


def counted_once(column: RowColumn) -> ColumnElement[int]:
    return func.count(column.column.distinct())


def summed(column: RowColumn) -> ColumnElement[int]:
    return total(column.column)
