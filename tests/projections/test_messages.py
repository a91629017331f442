"""The inbox: what was sent, how far it came, and which letters were missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from domain.kernel import Recorded
from domain.mailbox.values import ChannelReason, MessageChannel, OwnerKind, Payment
from projections.messages import MISSED, READ_MODEL, Row
from tests.domain.letters import (
    ALERTED,
    AT,
    CONFIRMED,
    EXPIRED,
    EXPIRY,
    FAILED,
    IMPOSSIBLE,
    NOTIFIED,
    OPENED,
    PUBLICATION,
    PUBLISHED,
    REPLIED,
    SENT,
)
from tests.projections.story import Ask, recorded, rows, values

ON_PAPER = replace(
    SENT, channel=MessageChannel.PAPER, reason=ChannelReason.NO_DIGITAL_USER, provider_ids=(), consents=()
)


def _letter(message_id: str, *events: Any, day: int = 0) -> list[Recorded[Any]]:
    """One event a day, but a message is published in the moment in which it is sent."""
    sent_at = AT + timedelta(days=day)
    instants = [sent_at, *(sent_at + timedelta(days=later) for later in range(len(events) - 1))]
    return [
        recorded(event, at, stream=f"message-{message_id}", version=version)
        for version, (event, at) in enumerate(zip(events, instants, strict=True), start=1)
    ]


def _row(*events: Any) -> dict[str, Any]:
    return rows(READ_MODEL, _letter("1", *events))["1",]


def test_a_letter_on_paper_is_a_row_that_was_never_published() -> None:
    row = _row(ON_PAPER)
    assert (row["channel"], row["channel_reason"], row["status"]) == ("paper", "no_digital_user", "on_paper")
    assert (row["sent_at"], row["published_at"], row["notification"]) == (AT, None, "")


def test_the_parties_to_a_letter_are_those_to_whom_it_is_delivered() -> None:
    def parties(*events: Any) -> tuple[Any, ...]:
        row = _row(*events)
        return row["enterprise_id"], row["enterprise_provider_id"], row["provider_ids"]

    to_enterprise: dict[str, Any] = {
        "mailbox_id": "enterprise-1",
        "owner_kind": OwnerKind.ENTERPRISE,
        "provider_ids": ("provider-1",),
    }
    assert parties(replace(SENT, provider_ids=("provider-1", "provider-2"))) == ("", "", ("provider-1", "provider-2"))
    assert parties(replace(SENT, **to_enterprise)) == ("enterprise-1", "provider-1", ("provider-1",))
    assert parties(replace(ON_PAPER, **to_enterprise | {"provider_ids": ()})) == ("", "", ())


def test_a_digital_message_is_published_and_waits_for_its_notification() -> None:
    row = _row(SENT, PUBLISHED)
    assert (row["status"], row["notification"], row["published_at"]) == ("published", "pending", AT)
    assert (row["sender_type"], row["message_type"]) == ("tax_administration", "tax_assessment")
    assert (row["attachment_count"], row["expires_at"], row["reply_allowed"]) == (2, EXPIRY, True)
    assert (row["amount_cents"], row["currency"]) == (None, "")


def test_what_is_to_be_paid_is_shown() -> None:
    payment = Payment(amount_cents=12_500, currency="EUR", reference="090933755493")
    row = _row(replace(SENT, payment=payment, requires_payment=True), PUBLISHED)
    assert (row["amount_cents"], row["currency"], row["requires_payment"]) == (12_500, "EUR", True)


def test_opening_confirming_answering_and_expiring_each_leave_their_instant() -> None:
    row = _row(SENT, PUBLISHED, OPENED, CONFIRMED, REPLIED, ALERTED, EXPIRED)
    day = timedelta(days=1)
    assert row["status"] == "expired"
    assert row["first_opened_at"] == AT + day
    assert row["confirmed_at"] == AT + 2 * day
    assert (row["replied_at"], row["reply_message_id"]) == (AT + 3 * day, "message-2")
    assert row["expiry_alerted_at"] == AT + 4 * day
    assert row["expired_at"] == AT + 5 * day


def test_a_technical_report_never_changes_the_status() -> None:
    assert _row(SENT, PUBLISHED, OPENED)["status"] == "opened"
    for report, notification in ((NOTIFIED, "notified"), (FAILED, "failed")):
        row = _row(SENT, PUBLISHED, OPENED, report)
        assert (row["status"], row["notification"]) == ("opened", notification)


def test_a_failed_notification_names_its_code_until_one_succeeds() -> None:
    assert _row(SENT, PUBLISHED, FAILED)["notification_code"] == "smtp-550"
    row = _row(SENT, PUBLISHED, FAILED, NOTIFIED)
    assert (row["notification"], row["notification_code"]) == ("notified", "")
    assert row["notified_at"] == AT + timedelta(days=2)


def test_missed_letters_are_unread_and_no_notification_could_reach_anybody(ask: Ask) -> None:
    events = [
        *_letter("no-address", SENT, PUBLISHED, IMPOSSIBLE),
        *_letter("bounced", SENT, replace(PUBLISHED, publication=replace(PUBLICATION, published_at=EXPIRY)), FAILED),
        *_letter("pending", SENT, PUBLISHED),
        *_letter("notified", SENT, PUBLISHED, FAILED, NOTIFIED),
        *_letter("read", SENT, PUBLISHED, IMPOSSIBLE, OPENED),
        *_letter("paper", ON_PAPER),
    ]
    missed = select(Row.table.c.message_id).where(*MISSED).order_by(Row.table.c.published_at)
    assert values(ask(READ_MODEL, missed, events)) == [("no-address",), ("bounced",)]
