"""Deadlines: a row from the event that sets them until the event that ends them, and the command of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from application.registry import BY_COMMAND
from domain.access.suppression import SUPPRESSION, AccessesSuppressed, SuppressionEnded
from domain.bus import TRANSACTION, TransactionTimedOut
from domain.erasure.model import HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.erasure.rules import ERASURE
from domain.identity.key import KEY, KeyExpired, KeyRegistered, KeyResumed, KeySuspended, KeyUseFound
from domain.identity.mandate.model import MandateExpired, MandateResumed, MandateSuspended
from domain.identity.mandate.rules import MANDATE
from domain.identity.session import SESSION, AuthenticationSucceeded, SessionExpired
from domain.identity.values import Means, PartyKind
from domain.invoicing.model import InvoiceResponseOverdue
from domain.invoicing.rules import INVOICE
from domain.kernel import Jurisdiction, PurposeGroup, Recorded
from domain.mailbox.message.model import MessageExpired, MessageExpiryAlerted, MessageSent
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import MessageChannel
from domain.organisations.organisation.model import (
    DoubleChannelChanged,
    EnrolmentEnded,
    RecognitionGranted,
    RecognitionSuspended,
)
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment
from projections.deadlines.pending import DEADLINES, READ_MODEL
from projections.words import years_after
from tests.domain import test_bus, test_erasure, test_identity_mandate, test_invoicing
from tests.domain.test_erasure import ASKED, SETTLED, WITHDRAWN
from tests.infrastructure.examples import example
from tests.projections.story import filled, story

AT = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=30)


def pending(*events: Recorded[Any]) -> list[tuple[str, datetime, str]]:
    return sorted((row["kind"], row["due_at"], row["command"]) for row in filled(READ_MODEL, events))


def told(decider: Any, *events: Any, aggregate_id: str = "one") -> Sequence[Recorded[Any]]:
    return story(decider, aggregate_id, *((AT, event) for event in events))


SENT = replace(
    example(MessageSent), expires_at=LATER, channel=MessageChannel.DIGITAL, sender_id="sender", on_behalf_of="other"
)
KEPT = replace(example(KeyRegistered), valid_until=LATER, provider_id="provider")
OPENED = replace(example(AuthenticationSucceeded), expires_at=LATER, organisation_id="agency", provider_id="provider")
DIGID = replace(
    example(KeyRegistered), valid_until=None, jurisdiction=Jurisdiction.NL, means=Means.SMS, provider_id="digid"
)
KEY_SUSPENDED = replace(example(KeySuspended), until=LATER)
MANDATE_SUSPENDED = replace(example(MandateSuspended), until=LATER)
RECOGNITION_SUSPENDED = replace(example(RecognitionSuspended), until=LATER)
HELD = LegalHoldPlaced(
    person_id="ann",
    hold_id="hold",
    group=PurposeGroup.INVOICING,
    ground=HoldGround.LEGAL_CLAIMS,
    until=date(2022, 3, 31),
    reference="",
)
LIFTED = LegalHoldLifted(person_id="ann", hold_id="hold", group=PurposeGroup.INVOICING)
SUPPRESSED = replace(example(AccessesSuppressed), until=LATER)
DOUBLE = DoubleChannelChanged(organisation_id="one", enrolment_number=1, double_channel_until=date(2022, 3, 31))
END_OF_MARCH = datetime(2022, 3, 31, 22, tzinfo=UTC)
ALERT = ("message-expiry-alert", LATER - timedelta(days=7), "alert-message-expiry")
EXPIRY = ("message-expiry", LATER, "expire-message")


@pytest.mark.parametrize(
    ("decider", "begun", "due", "ended"),
    [
        (MESSAGE, SENT, [EXPIRY, ALERT], MessageExpired(opened=False, alerted=False)),
        (
            *(MANDATE, test_identity_mandate.REQUESTED),
            [("mandate-expiry", test_identity_mandate.REQUESTED.terms.valid_until, "expire-mandate")],
            example(MandateExpired),
        ),
        (KEY, KEPT, [("key-expiry", LATER, "expire-key")], example(KeyExpired)),
        (KEY, DIGID, [("key-disuse", years_after(AT, 3), "expire-unused-key")], example(KeyExpired)),
        (KEY, KEY_SUSPENDED, [("key-suspension-end", LATER, "end-key-suspension")], example(KeyResumed)),
        (KEY, KEY_SUSPENDED, [("key-suspension-end", LATER, "end-key-suspension")], replace(KEY_SUSPENDED, until=None)),
        (
            *(MANDATE, MANDATE_SUSPENDED, [("mandate-suspension-end", LATER, "end-mandate-suspension")]),
            example(MandateResumed),
        ),
        (
            *(ORGANISATION, RECOGNITION_SUSPENDED),
            [("recognition-suspension-end", LATER, "end-recognition-suspension")],
            example(RecognitionGranted),
        ),
        (SESSION, OPENED, [("session-end", LATER, "expire-session")], example(SessionExpired)),
        (
            *(TRANSACTION, test_bus.ACCEPTED),
            [("bus-timeout", test_bus.ACCEPTED.times_out_at, "time-out-transaction")],
            example(TransactionTimedOut),
        ),
        (
            *(INVOICE, test_invoicing.RECEIVED),
            [("invoice-first-response", datetime(2022, 3, 4, 23, tzinfo=UTC), "declare-response-overdue")],
            example(InvoiceResponseOverdue),
        ),
        (
            *(ORGANISATION, DOUBLE),
            [("double-channel-end", END_OF_MARCH, "end-double-channel")],
            replace(DOUBLE, double_channel_until=None),
        ),
        (ERASURE, HELD, [("legal-hold-end", END_OF_MARCH, "end-legal-hold")], LIFTED),
        (SUPPRESSION, SUPPRESSED, [("suppression-end", LATER, "end-suppression")], example(SuppressionEnded)),
    ],
)
def test_a_deadline_is_pending_from_the_event_that_sets_it_until_the_one_that_ends_it(
    decider: Any, begun: Any, due: list[tuple[str, datetime, str]], ended: Any
) -> None:
    assert pending(*told(decider, begun)) == due
    assert pending(*told(decider, begun, ended)) == []


def test_the_use_of_a_key_moves_the_end_of_its_disuse_and_other_means_have_none() -> None:
    found = KeyUseFound(key_id="one", person_id="ann", provider_id="digid", unused_until=LATER)
    assert pending(*told(KEY, DIGID, found)) == [("key-disuse", LATER, "expire-unused-key")]
    assert pending(*told(KEY, replace(DIGID, jurisdiction=Jurisdiction.BE))) == []
    assert pending(*told(KEY, replace(DIGID, means=Means.EHERKENNING))) == []


def test_an_alert_is_due_once_a_week_before_the_expiry() -> None:
    assert pending(*told(MESSAGE, SENT, MessageExpiryAlerted(expires_at=LATER))) == [EXPIRY]
    soon = replace(SENT, expires_at=AT + timedelta(days=7))
    assert [kind for kind, *_ in pending(*told(MESSAGE, soon))] == ["message-expiry"]
    assert pending(*told(MESSAGE, replace(SENT, channel=MessageChannel.PAPER))) == []
    assert pending(*told(MESSAGE, replace(SENT, expires_at=None))) == []


def test_an_invoice_of_before_its_instant_was_kept_is_due_at_the_end_of_its_day() -> None:
    older = replace(test_invoicing.RECEIVED, response_due_at=None, response_definition=1)
    assert pending(*told(INVOICE, older))[0][1] == datetime(2022, 3, 4, 23, tzinfo=UTC)
    assert pending(*told(INVOICE, older, test_invoicing.VALIDATED, test_invoicing.ACKNOWLEDGED)) == []
    assert pending(*told(INVOICE, older, test_invoicing.REFUSED)) == []


def test_a_double_channel_period_is_moved_and_ends_with_the_enrolment() -> None:
    moved = replace(DOUBLE, double_channel_until=date(2022, 12, 31))
    assert pending(*told(ORGANISATION, DOUBLE, moved))[0][1] == datetime(2022, 12, 31, 23, tzinfo=UTC)
    ended = replace(example(EnrolmentEnded), organisation_id="one", enrolment=Enrolment.MAILBOX_SENDER)
    assert pending(*told(ORGANISATION, DOUBLE, ended)) == []
    other = replace(ended, enrolment=Enrolment.BUS_MEMBER)
    assert len(pending(*told(ORGANISATION, DOUBLE, other))) == 1


def test_an_erasure_that_was_asked_for_is_due_until_it_is_withdrawn_settled_or_requested() -> None:
    due = [("erasure-due", ASKED.due_at, "carry-out-erasure")]
    assert pending(*told(ERASURE, ASKED)) == due
    assert pending(*told(ERASURE, ASKED, WITHDRAWN)) == pending(*told(ERASURE, ASKED, SETTLED)) == []
    ordered = test_erasure.requested(*test_erasure.ALL)
    assert pending(*told(ERASURE, ASKED, ordered)) == due, "an order leaves it"
    assert pending(*told(ERASURE, ASKED, replace(ordered, session_id="session-1"))) == []


def test_each_hold_of_a_person_is_a_deadline() -> None:
    second = replace(HELD, hold_id="second", until=date(2030, 12, 31))
    assert len(pending(*told(ERASURE, HELD, second, aggregate_id="ann"))) == 2
    (row,) = filled(READ_MODEL, told(ERASURE, HELD, second, LIFTED, aggregate_id="ann"))
    assert (row["key"], row["part"], row["person_id"], row["stream"]) == ("ann", "second", "ann", "erasure-ann")


def test_those_whom_a_deadline_concerns_see_it() -> None:
    (alert, expiry) = filled(READ_MODEL, told(MESSAGE, SENT))
    assert {(row["organisation_id"], row["counterparty_id"]) for row in (alert, expiry)} == {("sender", "other")}
    (invoice,) = filled(READ_MODEL, told(INVOICE, test_invoicing.RECEIVED))
    assert invoice["organisation_id"] == test_invoicing.BUYER
    assert (invoice["counterparty_id"], invoice["supplier_number"]) == (
        test_invoicing.ACCESS_POINT,
        test_invoicing.SUPPLIER,
    )
    (suppression,) = filled(READ_MODEL, told(SUPPRESSION, SUPPRESSED))
    assert suppression["organisation_id"] == suppression["person_id"] == ""


def test_a_mandate_is_seen_by_its_enterprises_and_its_services() -> None:
    requested = test_identity_mandate.REQUESTED
    for kind, mandator in ((PartyKind.ENTERPRISE, requested.terms.mandator_id), (PartyKind.PERSON, "")):
        event = replace(requested, terms=replace(requested.terms, mandator_kind=kind))
        (row,) = filled(READ_MODEL, told(MANDATE, event))
        assert (row["organisation_id"], row["counterparty_id"]) == (mandator, "")
        assert set(row["organisation_ids"]) == {scope.organisation_id for scope in requested.terms.services}


@pytest.mark.parametrize("kind", DEADLINES)
def test_the_command_of_a_deadline_takes_its_id_and_nothing_else(kind: str) -> None:
    deadline = DEADLINES[kind]
    decider = BY_COMMAND[deadline.command]
    assert tuple(decider.key) == deadline.needs[: len(decider.key)]
    assert 1 <= len(deadline.needs) <= 2
    assert {it.name for it in fields(deadline.command)} >= {"at", "by", *deadline.needs}
    assert deadline.why.endswith(".")
