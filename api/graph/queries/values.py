"""Scalars and enums of the GraphQL schema, and the two input types of intervals of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, NewType, TypeAlias, TypeVar

import strawberry
from strawberry.types.scalar import ScalarDefinition

from api.rights.graph import GraphRight, asked
from api.web.errors import Problem
from domain.access.access import Category
from domain.identity.values import Channel
from domain.kernel.instants import read_instant
from domain.organisations.values import Enrolment, Level
from projections.consents import GrantStatus

F = TypeVar("F", bound=Callable[..., object])


def described(
    text: str,
    *,
    name: str | None = None,
    right: GraphRight | None = None,
    of: object = None,
    metadata: Mapping[object, object] | None = None,
) -> Callable[[F], F]:
    """Make a field of a method, as `strawberry.field` does, whose types lose the method's own.

    `of` is the GraphQL type of the answer, if its objects are made of values of another class.
    """
    also: dict[object, object] = {**(metadata or {}), **({} if right is None else asked(right))}
    field: Callable[[F], F] = strawberry.field(description=text, name=name, metadata=also, graphql_type=of)
    return field


# --- Scalars --------------------------------------------------------------------------------------------------------

Long = NewType("Long", int)
"""A count, an amount in cents or a position: GraphQL's Int ends at 32 bits."""

MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1


def _parse_long(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not MIN_LONG <= value <= MAX_LONG:
        raise ValueError("Long is a whole number of at most 64 bits.")
    return value


def _write_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


SCALARS: Mapping[object, ScalarDefinition] = {
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of at most 64 bits.",
        serialize=int,
        parse_value=_parse_long,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant with its offset from UTC (RFC 3339); answers are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_instant,
        parse_value=read_instant,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, as text.",
        serialize=str,
        parse_value=Decimal,
    ),
}

Id: TypeAlias = Annotated[strawberry.ID, strawberry.argument(name="id")]
"""The argument by which one row is asked for."""

# --- Enums ----------------------------------------------------------------------------------------------------------

# Strawberry makes enums of all other enumerations, under their own names.
strawberry.enum(Category, name="AccessCategory")
strawberry.enum(Channel, name="AuthenticationChannel")
strawberry.enum(Enrolment, name="EnrolmentRole")
strawberry.enum(GrantStatus, name="ConsentStatus")
strawberry.enum(Level, name="GovernmentLevel")

# --- Time -----------------------------------------------------------------------------------------------------------

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@strawberry.input(description="From `since`, included, until `until`, not included; either may be left out.")
class During:
    since: datetime | None = None
    until: datetime | None = None


@strawberry.input(description="Whole civil months, both included, written as 2021-11; either may be left out.")
class Months:
    first: str | None = None
    last: str | None = None

    def check(self) -> None:
        for month in (self.first, self.last):
            if month is not None and not _MONTH.fullmatch(month):
                raise Problem(422, "invalid-month", "A month is written as a year and a month, such as 2021-11.")
