"""Rows as classes: the columns of a row, and their types.

On the class `Row.status` is the column, which indexes, queries and changes of a row name; on an instance `row.status`
is the value. `status: Col[Status] = Col(Status.OPEN)` gives the value of a row that is made without one. The type of a
column follows from its annotation:

| annotation                                         | in PostgreSQL |
|----------------------------------------------------|---------------|
| `str`, a `NewType` of it, a `StrEnum`              | `text`        |
| `int`                                              | `bigint`      |
| `bool`                                             | `boolean`     |
| `datetime`                                         | `timestamptz` |
| `date`                                             | `date`        |
| `Decimal`                                          | `numeric`     |
| `tuple[T, ...]` of one of the texts                | `text[]`      |
| a dataclass, `tuple[T, ...]` of one                | `jsonb`       |
| one of these `| None`                              | the same, and may be NULL |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, DateTime, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.types import TypeEngine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class To(Generic[T]):
    """A column and the value that it takes, or for an addition the number that is added to it."""

    column: Col[T]
    value: T


class Col(SQLCoreOperations[T]):
    """A column outside the key. It can be used in a query like a column of SQLAlchemy."""

    is_key: ClassVar[bool] = False

    def __init__(self, *initial: T) -> None:
        """Take the value of a row that is made without one, if there is such a value."""
        self.initial = initial

    def declare(self, name: str, annotation: Any) -> None:  # noqa: ANN401 - a type, however it is written
        """Take the name and the type from the declaration of the row."""
        kind, nullable = column_type(annotation)
        if nullable and self.is_key:
            raise TypeError(f"the key column {name} may not be None")
        self.name = name
        self.annotation = annotation
        self.column: Column[Any] = Column(name, kind, primary_key=self.is_key, nullable=nullable, autoincrement=False)

    def to(self, value: T) -> To[T]:
        return To(self, value)

    @overload
    def __get__(self, row: None, owner: type[RowBase]) -> Self: ...
    @overload
    def __get__(self, row: RowBase, owner: type[RowBase]) -> T: ...
    def __get__(self, row: RowBase | None, owner: type[RowBase]) -> Self | T:
        if row is None:
            return self
        value: T = row.__cells__[self.name]
        return value

    def __set__(self, row: RowBase, value: T) -> None:
        raise AttributeError(f"a row is never changed: {self.name}")

    # --- In queries of SQLAlchemy -----------------------------------------------------------------------------------

    def __clause_element__(self) -> Column[Any]:
        return self.column

    def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy has it
        return op(self.column, *other, **kwargs)

    def reverse_operate(self, op: Callable[..., Any], other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the same
        return op(other, self.column, **kwargs)


class Key(Col[T]):
    """A column of the key."""

    is_key = True


@dataclass_transform(kw_only_default=True)
class RowBase:
    """The base of row classes. The columns of the key come first."""

    __slots__ = ("__cells__",)
    __columns__: ClassVar[Mapping[str, Col[Any]]] = {}
    __keys__: ClassVar[tuple[str, ...]] = ()
    __others__: ClassVar[tuple[str, ...]] = ()
    __initial__: ClassVar[dict[str, object]] = {}
    __places__: ClassVar[Mapping[str, int]] = {}

    __cells__: Mapping[str, Any]

    table: ClassVar[Table]
    """The table of the read model."""

    def __init_subclass__(cls) -> None:
        columns: dict[str, Col[Any]] = {}
        for name, hint in get_type_hints(cls).items():
            kind = get_origin(hint)
            if kind is Col or kind is Key:
                columns[name] = vars(cls).get(name, kind())
                columns[name].declare(name, get_args(hint)[0])
                setattr(cls, name, columns[name])
        cls.__columns__ = columns
        cls.__keys__ = tuple(name for name, column in columns.items() if column.is_key)
        cls.__others__ = tuple(name for name, column in columns.items() if not column.is_key)
        cls.__initial__ = {name: value for name, column in columns.items() for value in column.initial}
        cls.__places__ = {name: at for at, name in enumerate(columns)}
        if tuple(columns) != (*cls.__keys__, *cls.__others__):
            raise TypeError(f"{cls.__module__}: the columns of the key come first")

    def __init__(self, **cells: object) -> None:
        cells = self.__initial__ | cells
        if cells.keys() != self.__columns__.keys():
            wrong = ", ".join(sorted(cells.keys() ^ self.__columns__.keys()))
            raise TypeError(f"a row has all its columns and no others: {wrong}")
        self.__cells__ = cells


def column_type(annotation: Any) -> tuple[TypeEngine[Any], bool]:  # noqa: ANN401 - a type, however it is written
    """Return the type of a column, and whether it may be NULL."""
    while (supertype := getattr(annotation, "__supertype__", None)) is not None:
        annotation = supertype
    if get_origin(annotation) in (Union, UnionType):
        (inner,) = (it for it in get_args(annotation) if it is not NoneType)
        return column_type(inner)[0], True
    if get_origin(annotation) is tuple:
        element, _ = column_type(get_args(annotation)[0])
        if isinstance(element, Text):
            return ARRAY(Text), False
        if isinstance(element, JSONB):
            return JSONB(), False
    elif isinstance(annotation, type):
        if is_dataclass(annotation):
            return JSONB(), False
        for kind, found in _COLUMN_TYPES.items():
            if issubclass(annotation, kind):
                return found, False
    raise TypeError(f"a read model has no columns of type {annotation}")


# A class comes before those that it derives from.
_COLUMN_TYPES: Mapping[type, TypeEngine[Any]] = {
    str: Text(),
    bool: Boolean(),
    int: BigInteger(),
    datetime: DateTime(timezone=True),
    date: Date(),
    Decimal: Numeric(),
}
