"""Enrolments: one row for each period in which an organisation held a role, so that any past date is a plain filter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Index,
    Select,
    Text,
    and_,
    func,
    or_,
    select,
)

from domain.kernel import Recorded
from domain.organisations import DoubleChannelChanged, Enrolment, EnrolmentEnded, OrganisationEnrolled
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "enrolments",
    1,
    Column("organisation_id", Text, primary_key=True),
    Column("enrolment", Text, primary_key=True),
    Column("enrolment_number", BigInteger, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("organisation_type", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("outside_government", Boolean, nullable=False),
    Column("double_channel_until", Date, nullable=True),
    Column("enrolled_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=True),
)
Index("enrolments_v1_role", TABLE.c.jurisdiction, TABLE.c.enrolment, TABLE.c.enrolled_at)


def _enrolled(recorded: Recorded[OrganisationEnrolled]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.organisation_id, event.enrolment.value, event.enrolment_number),
        {
            "jurisdiction": event.jurisdiction.value,
            "organisation_type": event.organisation_type.value,
            "level": event.level.value,
            "outside_government": event.outside_government,
            "double_channel_until": event.double_channel_until,
            "enrolled_at": recorded.context.effective_at,
            "ended_at": None,
        },
    )


def _ended(recorded: Recorded[EnrolmentEnded]) -> Iterable[Effect]:
    event = recorded.event
    yield Set(
        (event.organisation_id, event.enrolment.value, event.enrolment_number),
        {"ended_at": recorded.context.effective_at},
    )


def _double_channel_changed(recorded: Recorded[DoubleChannelChanged]) -> Iterable[Effect]:
    event = recorded.event
    yield Set(
        (event.organisation_id, Enrolment.MAILBOX_SENDER.value, event.enrolment_number),
        {"double_channel_until": event.double_channel_until},
    )


PROJECTION = Projection(
    name="enrolments",
    version=1,
    table=TABLE,
    rules={
        OrganisationEnrolled: _enrolled,
        EnrolmentEnded: _ended,
        DoubleChannelChanged: _double_channel_changed,
    },
)

# --- Queries --------------------------------------------------------------------------------------------------------


def enrolments(*, organisation_id: str = "", enrolment: str = "", jurisdiction: str = "") -> Select[Any]:
    """Select enrolments past and present; an empty filter lets all through. The reader orders and pages."""
    filters = {
        TABLE.c.organisation_id: organisation_id,
        TABLE.c.enrolment: enrolment,
        TABLE.c.jurisdiction: jurisdiction,
    }
    return select(TABLE).where(*(column == value for column, value in filters.items() if value))


def enrolled(jurisdiction: str, enrolment: str, as_of: datetime) -> Select[Any]:
    """Select the enrolments in a role that were in force at an instant."""
    return select(TABLE).where(_in_force(jurisdiction, enrolment, as_of))


def enrolled_organisations(jurisdiction: str, enrolment: str, as_of: datetime) -> Select[int]:
    """Count the organisations enrolled in a role at an instant: the senders connected, for example."""
    return select(func.count()).select_from(TABLE).where(_in_force(jurisdiction, enrolment, as_of))


def enrolled_by_type(jurisdiction: str, enrolment: str, as_of: datetime) -> Select[str, int]:
    return (
        select(TABLE.c.organisation_type, func.count().label("organisations"))
        .where(_in_force(jurisdiction, enrolment, as_of))
        .group_by(TABLE.c.organisation_type)
    )


def _in_force(jurisdiction: str, enrolment: str, as_of: datetime) -> ColumnElement[bool]:
    return and_(
        TABLE.c.jurisdiction == jurisdiction,
        TABLE.c.enrolment == enrolment,
        TABLE.c.enrolled_at <= as_of,
        or_(TABLE.c.ended_at.is_(None), TABLE.c.ended_at > as_of),
    )
