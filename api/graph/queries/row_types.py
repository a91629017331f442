"""GraphQL types made of rows: of a read model's own rows, and of groups of them.

A class that is decorated declares only what the row does not say: resolvers, other types or names of columns, and
descriptions. A text is an `ID` where the column's name ends in `_id`; an empty one says "none" and is nothing in an
answer, for which its column is declared as optional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from inspect import get_annotations
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import strawberry
from sqlalchemy import ColumnElement
from strawberry.types import get_object_definition

from api.graph.queries.filters import RowFilter, filter_type
from api.graph.queries.groups import Grouping, summed
from api.graph.queries.node_models import NodeKind, made_of, model_of
from api.graph.queries.values import During, Long, Months
from domain.kernel import PersonalText
from projections.read_model import ReadModel
from projections.row_security import RowColumn

T = TypeVar("T")
Columns = Iterable[RowColumn]

# --- Rows -----------------------------------------------------------------------------------------------------------


def of_row(
    model: ReadModel, name: str, description: str | None = None, *, hide: Columns = (), id_of_key: bool = False
) -> Callable[[type[T]], type[T]]:
    """Make a type with a field for each column of a row, but for those hidden and for sealed texts.

    Where the key is one column with an id, the field is called `id`. With `id_of_key`, there is a field `id` made of
    all columns of the key.
    """
    hidden = {column.name for column in hide}
    columns = model.row.__columns__
    keys = [column.name for column in columns.values() if column.is_key]

    def decorate(made: type[T]) -> type[T]:
        declared = {name for base in made.__mro__ for name in get_annotations(base)}
        derived = {
            name: graph_type(name, column.annotation)
            for name, column in columns.items()
            if name not in hidden | declared and column.annotation is not PersonalText
        }
        if len(keys) == 1 and keys[0].endswith("_id") and not hasattr(made, keys[0]):
            setattr(made, keys[0], strawberry.field(name="id"))
        if id_of_key:
            setattr(made, "id", _id_of(keys))  # noqa: B010 - no class is known to have it
        made.__annotations__ = {**derived, **get_annotations(made)}
        return made_of(model, NodeKind.NODE, strawberry.type(made, name=name, description=description))

    return decorate


def graph_type(name: str, annotation: Any) -> Any:  # noqa: ANN401 - a type, however it is written
    """Return the GraphQL type of a column."""
    while (supertype := getattr(annotation, "__supertype__", None)) is not None:
        annotation = supertype
    if get_origin(annotation) in {Union, UnionType}:
        (inner,) = (it for it in get_args(annotation) if it is not NoneType)
        return graph_type(name, inner) | None
    if get_origin(annotation) is tuple:
        return GenericAlias(list, graph_type(name.removesuffix("s"), get_args(annotation)[0]))
    if annotation is str:
        return strawberry.ID if name.endswith("_id") else str
    return Long if annotation is int else annotation


def _id_of(keys: Iterable[str]) -> Any:  # noqa: ANN401 - a field of Strawberry
    def resolve(root: object) -> strawberry.ID:
        return strawberry.ID(".".join(str(getattr(root, key)) for key in keys))

    return strawberry.field(resolver=resolve, description="Of its own among all, for the caches of clients.")


def filter_on(
    made: type, name: str, columns: Columns, *, any_of: Columns = (), months: RowColumn | None = None
) -> RowFilter:
    """Make an input type that filters rows by columns of a type that is made of them: by a value, or by `any_of` some.

    Instants are filtered by `During`; a column of civil months by `Months`, under the name of several.
    """
    shown = {field.python_name: field.graphql_name or "" for field in get_object_definition(made, strict=True).fields}
    types = {key: _without_none(hint) for key, hint in get_type_hints(made, include_extras=True).items()}
    fields = [(it, During if types[it.name] is datetime else types[it.name], shown[it.name]) for it in columns]
    fields += [(it, GenericAlias(list, types[it.name]), shown[it.name]) for it in any_of]
    fields += [(it, Months, f"{it.name}s") for it in (months,) if it is not None]
    return filter_type(name, fields)


def _without_none(hint: Any) -> Any:  # noqa: ANN401 - a type, however it is written
    return next(it for it in get_args(hint) if it is not NoneType) if get_origin(hint) in {Union, UnionType} else hint


# --- Groups ---------------------------------------------------------------------------------------------------------


def of_counts(
    model: ReadModel, name: str, description: str | None = None, *, hide: Columns = ()
) -> Callable[[type[T]], type[T]]:
    """Make a type of groups of rows that are only added to: the columns of the key are dimensions, the others sums."""
    hidden = {column.name for column in hide}

    def decorate(made: type[T]) -> type[T]:
        declared = get_annotations(made)
        derived = {
            column: graph_type(column, it.annotation) | None if it.is_key else Long
            for column, it in model.row.__columns__.items()
            if column not in hidden | declared.keys()
        }
        made.__annotations__ = {**derived, **declared}
        return made_of(model, NodeKind.WHOLE, strawberry.type(made, name=name, description=description))

    return decorate


def grouping_of_counts(group: type, by: str) -> Grouping:
    """Group rows by the columns of their key, and sum the others; `by` names the enumeration of dimensions."""
    model = model_of(group)
    assert model is not None, f"{group.__name__} is not made of rows"
    shown = get_type_hints(group)
    columns = [column for column in model.row.__columns__.values() if column.name in shown]
    sums = {column.name: summed(column) for column in columns if not column.is_key}
    return _grouping(group, by, by_columns(*(column for column in columns if column.is_key)), sums)


def grouping_of(
    node: type,
    name: str,
    dimensions: Mapping[str, RowColumn | ColumnElement[Any]],
    measures: Mapping[str, ColumnElement[int]],
    **descriptions: str,
) -> Grouping:
    """Make `<name>Total` and `<name>Dimension`, and group the rows of a type by dimensions: columns, or an expression.

    An expression is shown as a text under the name of its dimension. `descriptions` are those of measures.
    """
    model = model_of(node)
    assert model is not None
    types = get_type_hints(node, include_extras=True)
    shown = {
        _column_name(it, of): _without_none(types.get(_column_name(it, of), str)) | None
        for it, of in dimensions.items()
    }
    made: dict[str, Any] = {"__annotations__": {**shown, **dict.fromkeys(measures, Long)}}
    made |= {measure: strawberry.field(description=text) for measure, text in descriptions.items()}
    group = made_of(model, NodeKind.WHOLE, strawberry.type(type(f"{name}Total", (), made)))
    return _grouping(group, f"{name}Dimension", dimensions, measures)


def _grouping(
    group: type,
    by: str,
    dimensions: Mapping[str, RowColumn | ColumnElement[Any]],
    measures: Mapping[str, ColumnElement[int]],
) -> Grouping:
    names = {member: _column_name(member, of) for member, of in dimensions.items()}
    expressions = {names[it]: of if isinstance(of, ColumnElement) else of.column for it, of in dimensions.items()}
    return Grouping(strawberry.enum(cast("type[Enum]", Enum(by, names))), group, expressions, measures)


def _column_name(member: str, dimension: RowColumn | ColumnElement[Any]) -> str:
    return member.lower() if isinstance(dimension, ColumnElement) else dimension.name


def _member(column: RowColumn) -> str:
    return column.name.removesuffix("_id").upper()


def by_columns(*columns: RowColumn) -> Mapping[str, RowColumn]:
    """Return dimensions for columns, each under the column's name in capitals, without `_ID`."""
    return {_member(column): column for column in columns}
