"""Enrolments: one row for each period in which an organisation held a role, so that any past date is a plain filter."""

from __future__ import annotations

from datetime import date, datetime

from domain.kernel import Jurisdiction, Recorded
from domain.organisations.organisation.model import DoubleChannelChanged, EnrolmentEnded, OrganisationEnrolled
from domain.organisations.values import Enrolment, Level, OrganisationType
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import FIGURES, STAFF, Seen


class Row(RowBase):
    organisation_id: Key[str]
    enrolment: Key[Enrolment]
    enrolment_number: Key[int]
    jurisdiction: Col[Jurisdiction]
    organisation_type: Col[OrganisationType]
    level: Col[Level]
    outside_government: Col[bool]
    double_channel_until: Col[date | None]
    enrolled_at: Col[datetime]
    ended_at: Col[datetime | None] = Col(None)


def _enrolled(recorded: Recorded[OrganisationEnrolled]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            organisation_id=event.organisation_id,
            enrolment=event.enrolment,
            enrolment_number=event.enrolment_number,
            jurisdiction=event.jurisdiction,
            organisation_type=event.organisation_type,
            level=event.level,
            outside_government=event.outside_government,
            double_channel_until=event.double_channel_until,
            enrolled_at=recorded.context.effective_at,
        )
    )


def _ended(recorded: Recorded[EnrolmentEnded]) -> Effects[Row]:
    event = recorded.event
    yield change(
        Row,
        Row.organisation_id.to(event.organisation_id),
        Row.enrolment.to(event.enrolment),
        Row.enrolment_number.to(event.enrolment_number),
        Row.ended_at.to(recorded.context.effective_at),
    )


def _double_channel_changed(recorded: Recorded[DoubleChannelChanged]) -> Effects[Row]:
    event = recorded.event
    yield change(
        Row,
        Row.organisation_id.to(event.organisation_id),
        Row.enrolment.to(Enrolment.MAILBOX_SENDER),
        Row.enrolment_number.to(event.enrolment_number),
        Row.double_channel_until.to(event.double_channel_until),
    )


READ_MODEL = ReadModel(
    name="enrolments",
    version=2,
    row=Row,
    rules={
        OrganisationEnrolled: _enrolled,
        EnrolmentEnded: _ended,
        DoubleChannelChanged: _double_channel_changed,
    },
    indexes={
        "role": (Row.jurisdiction, Row.enrolment, Row.enrolled_at),
    },
    lists={
        "newest": ListOrder(
            (Row.enrolled_at, Row.organisation_id, Row.enrolment, Row.enrolment_number), newest_first=True
        )
    },
    seen=Seen(everybody=True, roles=(*STAFF, FIGURES)),
)
