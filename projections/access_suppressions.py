"""Suppressions: which looks of an organisation at a person the person is not told of, until when, on whose order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, ColumnElement, DateTime, Index, Text, exists, select

from domain.access import AccessesSuppressed, SuppressionLifted
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "access_suppressions",
    1,
    Column("suppression_id", Text, primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("organisation_id", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("ground", Text, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("ordered_at", DateTime(timezone=True), nullable=False),
    Column("lifted_ground", Text, nullable=False),
    Column("lifted_by", Text, nullable=False),
    Column("lifted_at", DateTime(timezone=True), nullable=True),
)
Index("access_suppressions_v1_person", TABLE.c.person_id, TABLE.c.organisation_id)
Index("access_suppressions_v1_newest", TABLE.c.ordered_at, TABLE.c.suppression_id)


def _suppressed(recorded: Recorded[AccessesSuppressed]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.suppression_id,),
        {
            "person_id": event.person_id,
            "organisation_id": event.organisation_id,
            "since": event.since,
            "until": event.until,
            "ground": event.ground,
            "ordered_by": recorded.context.acting_id,
            "ordered_at": recorded.context.effective_at,
            "lifted_ground": "",
            "lifted_by": "",
            "lifted_at": None,
        },
    )


def _lifted(recorded: Recorded[SuppressionLifted]) -> Iterable[Effect]:
    event = recorded.event
    values = {
        "lifted_ground": event.ground,
        "lifted_by": recorded.context.acting_id,
        "lifted_at": recorded.context.effective_at,
    }
    yield Set((event.suppression_id,), values)


PROJECTION = Projection(
    name="access_suppressions",
    version=1,
    table=TABLE,
    rules={AccessesSuppressed: _suppressed, SuppressionLifted: _lifted},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def suppressed(
    person_id: ColumnElement[str],
    organisation_id: ColumnElement[str],
    accessed_at: ColumnElement[datetime],
    now: datetime,
) -> ColumnElement[bool]:
    """Say whether a look of an organisation at a person is not told now."""
    c = TABLE.c
    return exists(
        select(c.suppression_id).where(
            c.person_id == person_id,
            c.organisation_id == organisation_id,
            c.since <= accessed_at,
            c.until > now,
            c.lifted_at.is_(None),
        )
    )
