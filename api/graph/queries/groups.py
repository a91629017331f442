"""Rows counted and summed in groups: the enumeration of dimensions, and the type of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table, Text, func, literal_column, null, select

from api.graph.queries.query_context import QueryContext
from api.web.errors import Problem
from api.web.request_reads import Rows
from projections.row_security import RowColumn, Viewer, rows_seen
from projections.sums import total
from projections.words import CIVIL_TIME

Measures: TypeAlias = Mapping[str, ColumnElement[int]]
"""The numbers of a group, by their names: aggregates over its rows."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of groups: its member of an enumeration, the name of its field in a group, and its expression."""

    member: str
    name: str
    expression: ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows are grouped: the enumeration `by` of dimensions, the type of a group, and their SQL expressions."""

    by: type[Enum]
    group: type
    dimensions: Mapping[str, ColumnElement[Any]]
    measures: Measures

    async def read(
        self,
        context: QueryContext,
        table: Table,
        viewer: Viewer,
        where: Sequence[ColumnElement[bool]],
        by: Sequence[object],
    ) -> Rows:
        """Group the rows that the viewer sees by members of the enumeration; a dimension not asked for is empty."""
        wanted = list(dict.fromkeys(str(self.by(member).value) for member in by))
        groups = [self.dimensions[name] for name in wanted]
        columns = [(of if name in wanted else null()).label(name) for name, of in self.dimensions.items()]
        measures = [measure.label(name) for name, measure in self.measures.items()]
        query = select(*columns, *measures).select_from(table).where(*where, rows_seen(table, viewer))
        limit: ColumnElement[int] = literal_column(str(context.bounds.groups + 1))
        rows = await context.rows(query.group_by(*groups).order_by(*groups).limit(limit), viewer)
        if len(rows) > context.bounds.groups:
            detail = f"There are more than {context.bounds.groups} groups: filter, or group by less."
            raise Problem(422, "too-many-groups", detail)
        return rows


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
