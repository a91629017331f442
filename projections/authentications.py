"""Authentications: counts by month, means, level, service, channel and outcome. Single sign-on is not counted here."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, Text

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
