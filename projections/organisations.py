"""Organisations: one row for each, with its name, its type and its recognition as an identity provider."""

from __future__ import annotations

from datetime import date, datetime

from domain.kernel import Jurisdiction, Recorded
from domain.organisations.organisation.model import (
    DoubleChannelChanged,
    EnrolmentEnded,
    OrganisationEnrolled,
    OrganisationEvent,
    OrganisationRegistered,
    OrganisationRenamed,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
)
from domain.organisations.values import Enrolment, Level, OrganisationType, Recognition
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, Rule, To, change, put
from projections.row_security import Seen


class Row(RowBase):
    organisation_id: Key[str]
    name_nl: Col[str]
    name_fr: Col[str]
    name_de: Col[str]
    name_en: Col[str]
    organisation_type: Col[OrganisationType]
    level: Col[Level]
    enterprise_number: Col[str]
    jurisdiction: Col[Jurisdiction]
    outside_government: Col[bool]
    recognition: Col[Recognition] = Col(Recognition.NONE)
    recognition_conditions: Col[str] = Col("")
    recognition_changed_at: Col[datetime | None] = Col(None)
    double_channel_until: Col[date | None] = Col(None)
    registered_at: Col[datetime]
    version: Col[int]


def _registered(recorded: Recorded[OrganisationRegistered]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            organisation_id=event.organisation_id,
            name_nl=event.names.nl,
            name_fr=event.names.fr,
            name_de=event.names.de,
            name_en=event.names.en,
            organisation_type=event.organisation_type,
            level=event.level,
            enterprise_number=event.enterprise_number,
            jurisdiction=event.jurisdiction,
            outside_government=event.outside_government,
            registered_at=recorded.context.effective_at,
            version=recorded.version,
        )
    )


def _renamed(recorded: Recorded[OrganisationRenamed]) -> Effects[Row]:
    names = recorded.event.names
    return _changed(
        recorded,
        Row.name_nl.to(names.nl),
        Row.name_fr.to(names.fr),
        Row.name_de.to(names.de),
        Row.name_en.to(names.en),
    )


def _enrolled(recorded: Recorded[OrganisationEnrolled]) -> Effects[Row]:
    if recorded.event.enrolment == Enrolment.MAILBOX_SENDER:
        return _changed(recorded, Row.double_channel_until.to(recorded.event.double_channel_until))
    return _changed(recorded)


def _enrolment_ended(recorded: Recorded[EnrolmentEnded]) -> Effects[Row]:
    if recorded.event.enrolment == Enrolment.MAILBOX_SENDER:
        return _changed(recorded, Row.double_channel_until.to(None))
    return _changed(recorded)


def _double_channel_changed(recorded: Recorded[DoubleChannelChanged]) -> Effects[Row]:
    return _changed(recorded, Row.double_channel_until.to(recorded.event.double_channel_until))


def _recognised(recorded: Recorded[RecognitionGranted]) -> Effects[Row]:
    conditions = Row.recognition_conditions.to(recorded.event.conditions_version)
    return _recognition_changed(recorded, Recognition.RECOGNISED, conditions)


def _recognition(status: Recognition) -> Rule[Row]:
    def rule(recorded: Recorded[OrganisationEvent]) -> Effects[Row]:
        return _recognition_changed(recorded, status)

    return rule


def _recognition_changed(recorded: Recorded[OrganisationEvent], status: Recognition, *others: To[str]) -> Effects[Row]:
    changed_at = Row.recognition_changed_at.to(recorded.context.effective_at)
    return _changed(recorded, Row.recognition.to(status), changed_at, *others)


def _changed(
    recorded: Recorded[OrganisationEvent],
    *values: To[str] | To[Recognition] | To[datetime | None] | To[date | None],
) -> Effects[Row]:
    """Change the row and its version: every event of the organisation moves that."""
    organisation_id = Row.organisation_id.to(recorded.event.organisation_id)
    yield change(Row, organisation_id, Row.version.to(recorded.version), *values)


READ_MODEL = ReadModel(
    name="organisations",
    version=1,
    row=Row,
    rules={
        OrganisationRegistered: _registered,
        OrganisationRenamed: _renamed,
        OrganisationEnrolled: _enrolled,
        EnrolmentEnded: _enrolment_ended,
        DoubleChannelChanged: _double_channel_changed,
        RecognitionRequested: _recognition(Recognition.APPLIED),
        RecognitionGranted: _recognised,
        RecognitionSuspended: _recognition(Recognition.SUSPENDED),
        RecognitionWithdrawn: _recognition(Recognition.WITHDRAWN),
    },
    indexes={
        "number": (Row.enterprise_number,),
        "type": (Row.jurisdiction, Row.organisation_type, Row.organisation_id),
        "recognition": (Row.recognition, Row.organisation_id),
    },
    lists={"by_id": ListOrder((Row.organisation_id,))},
    seen=Seen(everybody=True),
)
