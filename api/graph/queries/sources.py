"""Where the values of GraphQL fields come from: declared beside their resolvers, for queries that are planned.

The standard executor calls resolvers and knows nothing of this. A field without a source and with a resolver of its own
is answered by the standard executor only; one without a resolver has the value of the column of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from strawberry.types.field import StrawberryField

from api.graph.queries.connections import PageRequest, page_of
from api.graph.queries.filters import Filters, Keep, RowFilter
from api.graph.queries.groups import Grouping
from projections.read_model import ListOrder, ReadModel
from projections.row_security import RowColumn

Arguments: TypeAlias = Mapping[str, Any]
"""The arguments of a field, by their Python names."""

# --- Fields of `Query` ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a list beside its filter and its page, and the rows that it keeps. Optional unless `required`."""

    python_name: str
    annotation: object
    kept: Keep
    required: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """A list of rows in an order, kept by a filter, by arguments and by `also`."""

    model: ReadModel
    listed: ListOrder
    row_filter: RowFilter | None
    arguments: Sequence[Argument]
    also: Filters

    def wanted(self, given: Arguments) -> tuple[PageRequest, Filters]:
        """Read the arguments of a request, by their Python names: which part of which rows."""
        filters = [self.also]
        if self.row_filter is not None:
            filters.append(self.row_filter.read(given.get("where")))
        filters += [it.kept(value) for it in self.arguments if (value := given.get(it.python_name)) is not None]
        return page_of(**{name: given.get(name) for name in PAGE_ARGUMENTS}), Filters.all(filters)


PAGE_ARGUMENTS: Mapping[str, type] = {"first": int, "after": str, "last": int, "before": str}


@dataclass(frozen=True, slots=True)
class RowSource:
    """A row by its key. With `together`, an empty key is looked up nowhere."""

    model: ReadModel
    key: RowColumn
    together: bool


@dataclass(frozen=True, slots=True)
class GroupsSource:
    """Rows summed in groups."""

    model: ReadModel
    grouping: Grouping
    row_filter: RowFilter


# --- Fields of connections ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TotalsSource:
    """The rows of all pages of a list, summed in groups."""

    grouping: Grouping


# --- Fields of rows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkSource:
    """The row whose key a column holds, if it holds one."""

    model: ReadModel
    key: RowColumn
    column: RowColumn


@dataclass(frozen=True, slots=True)
class ChildrenSource:
    """The first rows in an order that name their parent in a column, which has the name of the parent's own key."""

    model: ReadModel
    key: RowColumn
    order: Sequence[RowColumn]


@dataclass(frozen=True, slots=True)
class KeySource:
    """The columns of a key, joined by dots."""

    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class FirstGivenSource:
    """The first of some columns that is not empty; which ones, an argument says."""

    argument: str
    columns: Mapping[object, Sequence[str]]


Source: TypeAlias = (
    ListSource | RowSource | GroupsSource | TotalsSource | LinkSource | ChildrenSource | KeySource | FirstGivenSource
)

_METADATA, _READS = "source", "reads"


def comes_from(source: Source) -> Mapping[object, object]:
    """Return the metadata of a field that has a source."""
    return {_METADATA: source}


def also_reads(*models: ReadModel) -> Mapping[object, object]:
    """Return the metadata of a field that reads rows of these models, which its type does not tell."""
    return {_READS: models}


def reads_of(field: StrawberryField) -> Sequence[ReadModel]:
    models: Sequence[ReadModel] = field.metadata.get(_READS, ())
    return models


def source_of(field: StrawberryField) -> Source | None:
    source: Source | None = field.metadata.get(_METADATA)
    return source
