"""GraphQL types made of rows: of a read model's own rows, and of groups of them.

A class that is decorated declares only what the row does not tell: resolvers, other types or names of columns, and
descriptions. A text is an `ID` where the column's name ends in `_id`. An empty text stands for none and is null in an
answer, for which its column is declared as optional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from inspect import get_annotations
from operator import or_
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import strawberry
from strawberry.types import get_object_definition

from api.graph.queries.filters import RowFilter
from api.graph.queries.groups import Dimension, Grouping, Measures, by_columns, summed
from api.graph.queries.node_models import NodeKind, made_of, model_of
from api.graph.queries.sources import KeySource, comes_from
from api.graph.queries.values import During, Long, Months
from domain.kernel import PersonalText
from projections.read_model import Col, ReadModel
from projections.row_security import RowColumn

T = TypeVar("T")
Columns: TypeAlias = Iterable[RowColumn]


# --- Rows -----------------------------------------------------------------------------------------------------------


def of_row(
    model: ReadModel, name: str, description: str | None = None, *, hide: Columns = (), id_of_key: bool = False
) -> Callable[[type[T]], type[T]]:
    """Make a type with a field for each column of a row, but for those hidden and for sealed texts.

    Where the key is one column with an id, the field is called `id`. With `id_of_key`, there is a field `id` made of
    all columns of the key.
    """
    columns = model.row.__columns__.values()
    keys = [column.name for column in columns if column.is_key]
    sealed = [column for column in columns if column.annotation is PersonalText]

    def decorate(made: type[T]) -> type[T]:
        if len(keys) == 1 and keys[0].endswith("_id") and not hasattr(made, keys[0]):
            setattr(made, keys[0], strawberry.field(name="id"))
        if id_of_key:
            setattr(made, "id", _id_of(keys))  # noqa: B010 - no class is known to have it
        _annotate(made, model, (*hide, *sealed), lambda column: graph_type(column.name, column.annotation))
        return made_of(model, NodeKind.NODE, strawberry.type(made, name=name, description=description))

    return decorate


def _annotate(made: type, model: ReadModel, hide: Columns, graph_type_of: Callable[[Col[Any]], object]) -> None:
    """Annotate a class with the columns that are neither hidden nor declared by it or its bases."""
    left_out = {column.name for column in hide} | {name for base in made.__mro__ for name in get_annotations(base)}
    columns = {name: column for name, column in model.row.__columns__.items() if name not in left_out}
    derived = {name: graph_type_of(column) for name, column in columns.items()}
    made.__annotations__ = {**derived, **get_annotations(made)}


def graph_type(name: str, annotation: object) -> object:
    """Return the GraphQL type of a column, for its name and its annotation."""
    while (supertype := getattr(annotation, "__supertype__", None)) is not None:
        annotation = supertype
    if get_origin(annotation) in {Union, UnionType}:
        return optional(graph_type(name, _without_none(annotation)))
    if get_origin(annotation) is tuple:
        return GenericAlias(list, graph_type(name.removesuffix("s"), get_args(annotation)[0]))
    if annotation is str:
        return strawberry.ID if name.endswith("_id") else str
    return Long if annotation is int else annotation


def optional(annotation: object) -> object:
    return or_(annotation, None)


def _without_none(annotation: object) -> object:
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation
    return next(part for part in get_args(annotation) if part is not NoneType)


def _id_of(keys: Iterable[str]) -> object:
    def resolve(root: object) -> strawberry.ID:
        return strawberry.ID(".".join(str(getattr(root, key)) for key in keys))

    description, metadata = "Of its own among all, for the caches of clients.", comes_from(KeySource(list(keys)))
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


def name_of(made: type) -> str:
    """Return the name of a type in GraphQL."""
    return get_object_definition(made, strict=True).name


def filter_on(made: type, name: str, columns: Columns, any_of: Columns, months: RowColumn | None = None) -> RowFilter:
    """Make an input type that filters rows by columns of a type that is made of them: by a value, or by `any_of` some.

    Instants are filtered by `During`; a column of civil months by `Months`, under the name of several.
    """
    shown = {field.python_name: field.graphql_name for field in get_object_definition(made, strict=True).fields}
    types = {key: _without_none(hint) for key, hint in get_type_hints(made, include_extras=True).items()}
    fields = [(it, During if types[it.name] is datetime else types[it.name], shown[it.name]) for it in columns]
    fields += [(it, GenericAlias(list, types[it.name]), shown[it.name]) for it in any_of]
    fields += [(it, Months, f"{it.name}s") for it in (months,) if it is not None]
    input_type = type(
        name, (), {column.name: strawberry.field(name=shown, default=None) for column, _, shown in fields}
    )
    input_type.__annotations__ = {column.name: optional(of) for column, of, _ in fields}
    return RowFilter(strawberry.input(input_type), {column.name: column for column, _, _ in fields})


# --- Groups ---------------------------------------------------------------------------------------------------------


def of_counts(
    model: ReadModel, name: str, description: str | None = None, *, hide: Columns = ()
) -> Callable[[type[T]], type[T]]:
    """Make a type of groups of rows that are only added to: the columns of the key are dimensions, the others sums."""

    def decorate(made: type[T]) -> type[T]:
        _annotate(made, model, hide, _type_in_counts)
        return made_of(model, NodeKind.WHOLE, strawberry.type(made, name=name, description=description))

    return decorate


def _type_in_counts(column: Col[Any]) -> object:
    return optional(graph_type(column.name, column.annotation)) if column.is_key else Long


def grouping_of_counts(group: type, by: str) -> Grouping:
    """Group rows by the columns of their key, and sum the others; `by` names the enumeration of dimensions."""
    shown = get_type_hints(group)
    columns = [column for column in model_of(group).row.__columns__.values() if column.name in shown]
    sums = {column.name: summed(column) for column in columns if not column.is_key}
    return _grouping(group, by, by_columns(*(column for column in columns if column.is_key)), sums)


def grouping_of(
    node: type, dimensions: Sequence[Dimension], measures: Measures, descriptions: Mapping[str, str | None]
) -> Grouping:
    """Make `<name>Total` and `<name>Dimension`, where `<name>` is a type of rows, and group the rows by dimensions."""
    name, types = name_of(node), get_type_hints(node, include_extras=True)
    fields = {measure: strawberry.field(description=descriptions.get(measure)) for measure in measures}
    total = type(f"{name}Total", (), fields)
    total.__annotations__ = {
        **{dimension.name: optional(_without_none(types.get(dimension.name, str))) for dimension in dimensions},
        **dict.fromkeys(measures, Long),
    }
    group = made_of(model_of(node), NodeKind.WHOLE, strawberry.type(total))
    return _grouping(group, f"{name}Dimension", dimensions, measures)


def _grouping(group: type, by: str, dimensions: Sequence[Dimension], measures: Measures) -> Grouping:
    members = cast("type[Enum]", Enum(by, {it.member: it.name for it in dimensions}))
    return Grouping(strawberry.enum(members), group, {it.name: it.expression for it in dimensions}, measures)
