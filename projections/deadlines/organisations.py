"""Deadlines of organisations: double-channel periods of senders, and suspensions of identity providers."""

from __future__ import annotations

from collections.abc import Iterator

from domain.kernel import Recorded
from domain.organisations.organisation.model import (
    DoubleChannelChanged,
    EndDoubleChannel,
    EndRecognitionSuspension,
    EnrolmentEnded,
    OrganisationEnrolled,
    RecognitionGranted,
    RecognitionSuspended,
    RecognitionWithdrawn,
)
from domain.organisations.values import Enrolment
from projections.deadlines.deadline import Deadline, Pending, Row, without_end
from projections.effects import Drop
from projections.read_model import Effects, drop
from projections.words import end_of_day

DOUBLE_CHANNEL_END = "double-channel-end"


def _period(recorded: Recorded[OrganisationEnrolled | DoubleChannelChanged]) -> Iterator[Pending]:
    event = recorded.event
    until = event.double_channel_until
    if until is not None:
        yield Pending(due_at=end_of_day(until), organisation_id=event.organisation_id)


def _suspended(recorded: Recorded[RecognitionSuspended]) -> Iterator[Pending]:
    event = recorded.event
    if event.until is not None:
        yield Pending(due_at=event.until, organisation_id=event.organisation_id)


def _ended(recorded: Recorded[EnrolmentEnded]) -> Effects[Row]:
    if recorded.event.enrolment == Enrolment.MAILBOX_SENDER:
        yield _gone(recorded)


def _changed(recorded: Recorded[DoubleChannelChanged]) -> Effects[Row]:
    if recorded.event.double_channel_until is None:
        yield _gone(recorded)


def _gone(recorded: Recorded[EnrolmentEnded | DoubleChannelChanged]) -> Drop[Row]:
    return drop(Row, Row.kind.to(DOUBLE_CHANNEL_END), Row.key.to(recorded.aggregate_id), Row.part.to(""))


VERSION = 2
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind=DOUBLE_CHANNEL_END,
        command=EndDoubleChannel,
        why="The period in which the letters of a sender go digital and on paper is over.",
        begins={OrganisationEnrolled: _period, DoubleChannelChanged: _period},
        moves={EnrolmentEnded: _ended, DoubleChannelChanged: _changed},
    ),
    Deadline(
        kind="recognition-suspension-end",
        command=EndRecognitionSuspension,
        why="The suspension of an identity provider's recognition is over.",
        begins={RecognitionSuspended: _suspended},
        ends=(RecognitionGranted, RecognitionWithdrawn),
        moves={RecognitionSuspended: without_end("recognition-suspension-end")},
    ),
)
