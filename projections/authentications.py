"""Authentications: counts by month, means, level, service, channel and outcome. Single sign-on is not counted here."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Select, Text, and_, cast, func, select

from domain.identity import AuthenticationRefused, AuthenticationSucceeded
from domain.kernel import Recorded
from projections.effects import Add, Effect, Projection, civil_month, read_table

SUCCEEDED = "succeeded"
REFUSED = "refused"

TABLE = read_table(
    "authentications",
    1,
    Column("month", Text, primary_key=True),
    Column("jurisdiction", Text, primary_key=True),
    Column("means", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("service_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("authentications", BigInteger, nullable=False),
)
Index("authentications_v1_month", TABLE.c.jurisdiction, TABLE.c.outcome, TABLE.c.month)


def _count(recorded: Recorded[AuthenticationSucceeded] | Recorded[AuthenticationRefused], outcome: str) -> Effect:
    event = recorded.event
    return Add(
        (
            civil_month(recorded.context.effective_at),
            event.jurisdiction.value,
            event.means.value,
            event.level.value,
            event.service_id,
            event.channel.value,
            outcome,
        ),
        {"authentications": 1},
    )


def _succeeded(recorded: Recorded[AuthenticationSucceeded]) -> Iterable[Effect]:
    yield _count(recorded, SUCCEEDED)


def _refused(recorded: Recorded[AuthenticationRefused]) -> Iterable[Effect]:
    yield _count(recorded, REFUSED)


PROJECTION = Projection(
    name="authentications",
    version=1,
    table=TABLE,
    rules={AuthenticationSucceeded: _succeeded, AuthenticationRefused: _refused},
)

# --- Queries --------------------------------------------------------------------------------------------------------

DIMENSIONS = {name: TABLE.c[name] for name in ("month", "means", "level", "service_id", "channel", "outcome")}


def authentications(
    jurisdiction: str,
    first_month: str,
    last_month: str,
    *,
    means: str = "",
    level: str = "",
    service_id: str = "",
    outcome: str = SUCCEEDED,
) -> Select[int]:
    """Sum the authentications of the months from the first to the last, both included; no rows give 0."""
    filters = {"means": means, "level": level, "service_id": service_id, "outcome": outcome}
    return select(_total()).where(
        _between(jurisdiction, first_month, last_month),
        *(DIMENSIONS[name] == value for name, value in filters.items() if value),
    )


def authentications_by(
    dimension: str, jurisdiction: str, first_month: str, last_month: str, *, outcome: str = SUCCEEDED
) -> Select[str, int]:
    """Sum the authentications of those months by one of the DIMENSIONS, in its order."""
    column = DIMENSIONS[dimension]
    return (
        select(column, _total())
        .where(_between(jurisdiction, first_month, last_month), TABLE.c.outcome == outcome)
        .group_by(column)
        .order_by(column)
    )


def _total() -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(TABLE.c.authentications), 0), BigInteger).label("authentications")


def _between(jurisdiction: str, first_month: str, last_month: str) -> ColumnElement[bool]:
    return and_(TABLE.c.jurisdiction == jurisdiction, TABLE.c.month.between(first_month, last_month))
