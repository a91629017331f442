"""Enrolments: one row for each period in which an organisation held a role, so that any past date is a plain filter."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Text,
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
