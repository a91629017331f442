"""Organisations: one row for each, with its name, its kind and where it stands as an identity provider."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from domain.kernel import Jurisdiction, Recorded
from domain.organisations.organisation.model import (
    DoubleChannelChanged,
    EnrolmentEnded,
    OrganisationEnrolled,
    OrganisationRegistered,
    OrganisationRenamed,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
)
from domain.organisations.values import Enrolment, Level, OrganisationType, Recognition
from projections.read_model import Col, Effect, Effects, Key, ListOrder, ReadModel, RowBase, Rule, change, put
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
    recognition: Col[Recognition]
    recognition_conditions: Col[str]
    recognition_changed_at: Col[datetime | None]
    double_channel_until: Col[date | None]
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
            recognition=Recognition.NONE,
            recognition_conditions="",
            recognition_changed_at=None,
            double_channel_until=None,
            registered_at=recorded.context.effective_at,
            version=recorded.version,
        )
    )


def _renamed(recorded: Recorded[OrganisationRenamed]) -> Effects[Row]:
    names = recorded.event.names
    yield change(
        Row,
        Row.organisation_id.to(recorded.event.organisation_id),
        Row.name_nl.to(names.nl),
        Row.name_fr.to(names.fr),
        Row.name_de.to(names.de),
        Row.name_en.to(names.en),
    )


def _enrolled(recorded: Recorded[OrganisationEnrolled]) -> Effects[Row]:
    event = recorded.event
    if event.enrolment == Enrolment.MAILBOX_SENDER:
        yield _double_channel(event.organisation_id, event.double_channel_until)


def _enrolment_ended(recorded: Recorded[EnrolmentEnded]) -> Effects[Row]:
    event = recorded.event
    if event.enrolment == Enrolment.MAILBOX_SENDER:
        yield _double_channel(event.organisation_id, None)


def _double_channel_changed(recorded: Recorded[DoubleChannelChanged]) -> Effects[Row]:
    yield _double_channel(recorded.event.organisation_id, recorded.event.double_channel_until)


def _double_channel(organisation_id: str, until: date | None) -> Effect[Row]:
    return change(Row, Row.organisation_id.to(organisation_id), Row.double_channel_until.to(until))


def _recognition(status: Recognition) -> Rule[Row]:
    def rule(recorded: Recorded[Any]) -> Effects[Row]:
        event = recorded.event
        yield change(
            Row,
            Row.organisation_id.to(event.organisation_id),
            Row.recognition.to(status),
            Row.recognition_changed_at.to(recorded.context.effective_at),
        )
        if isinstance(event, RecognitionGranted):
            conditions = Row.recognition_conditions.to(event.conditions_version)
            yield change(Row, Row.organisation_id.to(event.organisation_id), conditions)

    return rule


def _versioned(rule: Rule[Row]) -> Rule[Row]:
    """Let every event of the organisation move the version of its row."""

    def versioned(recorded: Recorded[Any]) -> Effects[Row]:
        yield from rule(recorded)
        yield change(Row, Row.organisation_id.to(recorded.event.organisation_id), Row.version.to(recorded.version))

    return versioned


READ_MODEL = ReadModel(
    name="organisations",
    version=1,
    row=Row,
    rules={
        OrganisationRegistered: _registered,
        OrganisationRenamed: _versioned(_renamed),
        OrganisationEnrolled: _versioned(_enrolled),
        EnrolmentEnded: _versioned(_enrolment_ended),
        DoubleChannelChanged: _versioned(_double_channel_changed),
        RecognitionRequested: _versioned(_recognition(Recognition.APPLIED)),
        RecognitionGranted: _versioned(_recognition(Recognition.RECOGNISED)),
        RecognitionSuspended: _versioned(_recognition(Recognition.SUSPENDED)),
        RecognitionWithdrawn: _versioned(_recognition(Recognition.WITHDRAWN)),
    },
    indexes={
        "number": (Row.enterprise_number,),
        "type": (Row.jurisdiction, Row.organisation_type, Row.organisation_id),
        "recognition": (Row.recognition, Row.organisation_id),
    },
    lists={"by_id": ListOrder((Row.organisation_id,))},
    seen=Seen(everybody=True),
)
TABLE = READ_MODEL.table
