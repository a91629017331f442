"""Organisations: one row for each, with its name, its kind and where it stands as an identity provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Text

from domain.kernel import Recorded
from domain.organisations import (
    DoubleChannelChanged,
    Enrolment,
    EnrolmentEnded,
    OrganisationEnrolled,
    OrganisationRegistered,
    OrganisationRenamed,
    Recognition,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
)
from projections.effects import Effect, Projection, Put, Rule, Set, read_table

TABLE = read_table(
    "organisations",
    1,
    Column("organisation_id", Text, primary_key=True),
    Column("name_nl", Text, nullable=False),
    Column("name_fr", Text, nullable=False),
    Column("name_de", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("organisation_type", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("enterprise_number", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("outside_government", Boolean, nullable=False),
    Column("recognition", Text, nullable=False),
    Column("recognition_conditions", Text, nullable=False),
    Column("recognition_changed_at", DateTime(timezone=True), nullable=True),
    Column("double_channel_until", Date, nullable=True),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    # What If-Match names when a value of the organisation is changed.
    Column("version", BigInteger, nullable=False),
)
Index("organisations_v1_number", TABLE.c.enterprise_number)
Index("organisations_v1_type", TABLE.c.jurisdiction, TABLE.c.organisation_type, TABLE.c.organisation_id)
Index("organisations_v1_recognition", TABLE.c.recognition, TABLE.c.organisation_id)


def _registered(recorded: Recorded[OrganisationRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.organisation_id,),
        {
            "name_nl": event.names.nl,
            "name_fr": event.names.fr,
            "name_de": event.names.de,
            "name_en": event.names.en,
            "organisation_type": event.organisation_type.value,
            "level": event.level.value,
            "enterprise_number": event.enterprise_number,
            "jurisdiction": event.jurisdiction.value,
            "outside_government": event.outside_government,
            "recognition": Recognition.NONE.value,
            "recognition_conditions": "",
            "recognition_changed_at": None,
            "double_channel_until": None,
            "registered_at": recorded.context.effective_at,
            "version": recorded.version,
        },
    )


def _renamed(recorded: Recorded[OrganisationRenamed]) -> Iterable[Effect]:
    names = recorded.event.names
    yield Set(
        (recorded.event.organisation_id,),
        {"name_nl": names.nl, "name_fr": names.fr, "name_de": names.de, "name_en": names.en},
    )


def _enrolled(recorded: Recorded[OrganisationEnrolled]) -> Iterable[Effect]:
    if recorded.event.enrolment is Enrolment.MAILBOX_SENDER:
        yield Set((recorded.event.organisation_id,), {"double_channel_until": recorded.event.double_channel_until})


def _enrolment_ended(recorded: Recorded[EnrolmentEnded]) -> Iterable[Effect]:
    if recorded.event.enrolment is Enrolment.MAILBOX_SENDER:
        yield Set((recorded.event.organisation_id,), {"double_channel_until": None})


def _double_channel_changed(recorded: Recorded[DoubleChannelChanged]) -> Iterable[Effect]:
    yield Set((recorded.event.organisation_id,), {"double_channel_until": recorded.event.double_channel_until})


def _recognition(status: Recognition) -> Rule:
    def rule(recorded: Recorded[Any]) -> Iterable[Effect]:
        values = {"recognition": status.value, "recognition_changed_at": recorded.context.effective_at}
        if isinstance(recorded.event, RecognitionGranted):
            values["recognition_conditions"] = recorded.event.conditions_version
        yield Set((recorded.event.organisation_id,), values)

    return rule


def _versioned(rule: Rule) -> Rule:
    """Let every event of the organisation move the version of its row."""

    def versioned(recorded: Recorded[Any]) -> Iterable[Effect]:
        yield from rule(recorded)
        yield Set((recorded.event.organisation_id,), {"version": recorded.version})

    return versioned


PROJECTION = Projection(
    name="organisations",
    version=1,
    table=TABLE,
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
)
