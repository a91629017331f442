"""Statements of which the values come with each request: their text is made once for all requests of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TypeAlias

from sqlalchemy import Table, create_mock_engine
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors

from api.web.request_reads import Query
from projections.prepared_statements import BoundStatement, PreparedStatement
from projections.row_security import Viewer

NUMBERED: Dialect = create_mock_engine(
    "postgresql+psycopg://", lambda *_, **__: None, paramstyle="numeric_dollar"
).dialect
"""The dialect in which parameters are `$1`, `$2` ..."""

ORGANISATION, PERSON, CHOSEN_BY, IDENTIFIER = (f"\1{name}" for name in ("organisation", "person", "chosen by", "id "))
"""What stands for the values of a viewer. No id begins so."""


class NotPlannedError(Exception):
    """The standard executor has to answer: the plan does not cover this."""


@dataclass(frozen=True, slots=True)
class Given:
    """Stands for a value of the request, by its place among those that the statement takes."""

    place: int


def class_of(viewer: Viewer) -> Viewer:
    """Return the class of a viewer: the same role, and the same of its values given."""
    return Viewer(
        role=viewer.role,
        organisation_id=ORGANISATION if viewer.organisation_id else "",
        identifiers=tuple(f"{IDENTIFIER}{number}" for number in range(len(viewer.identifiers))),
        person_id=PERSON if viewer.person_id else "",
        chosen_by=CHOSEN_BY if viewer.chosen_by else "",
    )


def class_key(viewer: Viewer) -> tuple[object, ...]:
    """Return what viewers of one class have in common, and no others."""
    given = viewer.organisation_id, viewer.person_id, viewer.chosen_by
    return (viewer.role, len(viewer.identifiers), *map(bool, given))


Values: TypeAlias = Sequence[object]
Parameter: TypeAlias = Callable[[Viewer, Values], bytes | None]
"""Returns the text of a parameter, for the viewer and the values of a request."""


@dataclass(frozen=True, slots=True)
class ShapedStatement:
    """A statement for all requests of one shape, and where its parameters come from."""

    statement: PreparedStatement
    parameters: Sequence[Parameter]

    def bound(self, viewer: Viewer, values: Values) -> BoundStatement:
        """Bind a request; raises NotPlannedError for a value that no column can hold."""
        return BoundStatement(self.statement, [parameter(viewer, values) for parameter in self.parameters])


def shaped(query: Query, *, generic: bool) -> ShapedStatement:
    """Make the statement of a query in which `Given` and the class of a viewer stand for values."""
    compiled = query.compile(dialect=NUMBERED)
    text = str(compiled)
    if "POSTCOMPILE" in text:
        raise NotPlannedError
    parameters = [_parameter(compiled.binds[name].value) for name in compiled.positiontup or ()]
    statement = PreparedStatement(text.encode(), generic, frozenset(_tables(query)))
    return ShapedStatement(statement, parameters)


def _tables(query: Query) -> Iterable[str]:
    return (element.name for element in visitors.iterate(query) if isinstance(element, Table))


VIEWER_VALUES: Mapping[str, Parameter] = {
    ORGANISATION: lambda viewer, _: encoded(viewer.organisation_id),
    PERSON: lambda viewer, _: encoded(viewer.person_id),
    CHOSEN_BY: lambda viewer, _: encoded(viewer.chosen_by),
}


def _parameter(value: object) -> Parameter:
    match value:
        case Given(place=place):
            return lambda _, values: encoded(values[place])
        case str() if value in VIEWER_VALUES:
            return VIEWER_VALUES[value]
        case str() if value.startswith(IDENTIFIER):
            return partial(_identifier, int(value.removeprefix(IDENTIFIER)))
        case [str(first), *_] if first.startswith(IDENTIFIER):
            return lambda viewer, _: encoded(viewer.identifiers)
        case _:
            constant = encoded(value)
            return lambda _viewer, _values: constant


def _identifier(number: int, viewer: Viewer, _: Values) -> bytes | None:
    return encoded(viewer.identifiers[number])


def encoded(value: object) -> bytes | None:
    """Return a value as PostgreSQL reads it; raises NotPlannedError where it can be no value of a column."""
    match value:
        case None:
            return None
        case bool():
            return b"t" if value else b"f"
        case str() | int():
            return _text(str(value))
        case date():
            return value.isoformat().encode()
        case list() | tuple():
            return b"{" + b",".join(map(_element, value)) + b"}"
        case _:
            raise NotPlannedError


def _text(value: str) -> bytes:
    if "\0" in value:
        raise NotPlannedError
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise NotPlannedError from error


def _element(value: object) -> bytes:
    text = encoded(value)
    if text is None:
        return b"NULL"
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
