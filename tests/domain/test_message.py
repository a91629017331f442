"""A message after it is sent: notified, opened once, confirmed, answered, expired; no late report overturns that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.kernel import InvalidValue, NotAllowed, NotFound, RuleBroken
from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ExpireMessage,
    MessageCommand,
    MessageEvent,
    MessageStatus,
    RecordNotification,
)
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import ChannelReason, MessageChannel, NotificationOutcome, NotificationStatus, Reader
from tests.domain.given import Given, given
from tests.domain.letters import (
    ALERTED,
    ANNEX,
    CONFIRM,
    CONFIRMED,
    EXPIRED,
    EXPIRY,
    FAILED,
    IMPOSSIBLE,
    LATER,
    MESSAGE_ID,
    NOTIFIED,
    OPEN,
    OPENED,
    PERSON,
    PROVIDER,
    PUBLISHED,
    REPLIED,
    REPLY,
    SENT,
)

REPORT: dict[str, Any] = {"at": LATER, "by": PROVIDER, "message_id": MESSAGE_ID}
NOTIFY = RecordNotification(**REPORT, outcome=NotificationOutcome.NOTIFIED)
FAIL = RecordNotification(**REPORT, outcome=NotificationOutcome.FAILED, code="smtp-550")
ALERT = AlertMessageExpiry(at=EXPIRY - timedelta(days=7), by="platform", message_id=MESSAGE_ID)
EXPIRE = ExpireMessage(at=EXPIRY, by="platform", message_id=MESSAGE_ID)
ON_PAPER = replace(
    SENT, channel=MessageChannel.PAPER, reason=ChannelReason.NO_DIGITAL_USER, provider_ids=(), consents=()
)

AFTER_SENDING = [NOTIFY, FAIL, OPEN, CONFIRM, REPLY, ALERT, EXPIRE]
READING = [OPEN, CONFIRM, REPLY]


def delivered(*further: Any) -> Given:
    return given(MESSAGE, SENT, PUBLISHED, *further)


@pytest.mark.parametrize("wish", AFTER_SENDING)
def test_nothing_happens_to_a_message_that_is_not_there_or_is_on_paper(wish: MessageCommand) -> None:
    given(MESSAGE).when(wish).refused(NotFound, "message-not-found")
    given(MESSAGE, ON_PAPER).when(wish).refused(RuleBroken, "message-on-paper")


# --- Notification ---------------------------------------------------------------------------------------------------


def test_the_provider_reports_that_the_recipient_was_notified() -> None:
    delivered().when(NOTIFY).then(NOTIFIED)
    delivered(NOTIFIED).when(NOTIFY).then()


def test_the_provider_reports_that_notification_failed_and_why() -> None:
    delivered().when(FAIL).then(FAILED)
    delivered(FAILED).when(FAIL).then()
    delivered(FAILED).when(replace(FAIL, code="smtp-551")).then(replace(FAILED, code="smtp-551"))
    delivered(FAILED).when(NOTIFY).then(NOTIFIED)


@pytest.mark.parametrize("code", ["", "x" * 65, "jan@example.org is unknown"])
def test_why_it_failed_is_a_short_code_and_no_free_text(code: str) -> None:
    delivered().when(replace(FAIL, code=code)).refused(InvalidValue, "invalid-failure-code")


def test_only_a_provider_that_delivered_reports() -> None:
    delivered().when(replace(NOTIFY, by="provider-2")).refused(NotAllowed, "not-your-delivery")


def test_an_address_set_later_still_lets_the_recipient_be_notified() -> None:
    delivered(IMPOSSIBLE).when(NOTIFY).then(NOTIFIED)


@pytest.mark.parametrize(
    "history",
    [
        (NOTIFIED,),
        (OPENED,),
        (OPENED, CONFIRMED),
        (ALERTED, EXPIRED),
        (OPENED, replace(EXPIRED, opened=True)),
    ],
)
def test_a_late_technical_report_overturns_nothing(history: tuple[Any, ...]) -> None:
    delivered(*history).when(FAIL).then()
    delivered(*history).when(NOTIFY).then()


# --- Reading --------------------------------------------------------------------------------------------------------


def test_only_the_first_opening_is_an_event() -> None:
    delivered().when(OPEN).then(OPENED)
    delivered(OPENED).when(replace(OPEN, at=LATER + timedelta(days=1))).then()


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (NOTIFIED, NotificationStatus.NOTIFIED),
        (FAILED, NotificationStatus.FAILED),
        (IMPOSSIBLE, NotificationStatus.IMPOSSIBLE),
    ],
)
def test_the_opening_says_what_had_become_of_the_notification(before: Any, status: NotificationStatus) -> None:
    delivered(before).when(OPEN).then(replace(OPENED, notification=status))


def test_the_reader_confirms_receipt_after_opening() -> None:
    delivered().when(CONFIRM).refused(RuleBroken, "message-not-opened")
    delivered(OPENED).when(CONFIRM).then(CONFIRMED)
    delivered(OPENED, CONFIRMED).when(CONFIRM).then()


def test_the_reader_answers_after_opening_where_the_sender_allows() -> None:
    delivered().when(REPLY).refused(RuleBroken, "message-not-opened")
    delivered(OPENED).when(REPLY).then(REPLIED)
    delivered(OPENED, REPLIED).when(REPLY).then()
    second = replace(REPLY, reply_message_id="message-3")
    delivered(OPENED, REPLIED).when(second).then(replace(REPLIED, reply_message_id="message-3"))
    one_way = replace(SENT, reply_allowed=False)
    given(MESSAGE, one_way, PUBLISHED, OPENED).when(REPLY).refused(RuleBroken, "reply-not-allowed")


def test_an_answer_has_one_main_content_too() -> None:
    delivered(OPENED).when(replace(REPLY, contents=(ANNEX,))).refused(InvalidValue, "not-one-main-content")


@pytest.mark.parametrize("wish", READING)
def test_nobody_but_the_recipient_or_a_mandatary_reads(wish: Any) -> None:
    delivered(OPENED).when(replace(wish, person_id="person-2")).refused(NotAllowed, "not-the-recipient")
    for_another = replace(wish.reader, mandate_id="mandate-1", mandator_id="person-3")
    stranger = replace(wish, person_id="person-2", reader=for_another)
    delivered(OPENED).when(stranger).refused(NotAllowed, "not-the-recipient")


def test_a_mandatary_reads_in_the_recipients_name_and_the_mandate_is_named() -> None:
    reader = replace(OPEN.reader, mandate_id="mandate-1", mandator_id=PERSON)
    by_mandate = replace(OPEN, person_id="person-2", mandate_id="mandate-1", reader=reader)
    delivered().when(by_mandate).then(replace(OPENED, acting_person_id="person-2", mandate_id="mandate-1"))


def test_a_mandate_that_is_not_in_force_gives_nothing() -> None:
    claimed = replace(OPEN, person_id="person-2", mandate_id="mandate-1")
    delivered().when(claimed).refused(NotAllowed, "not-the-recipient")


@pytest.mark.parametrize("wish", READING)
def test_reading_goes_through_an_enrolled_provider_that_the_recipient_chose(wish: Any) -> None:
    unknown = replace(wish.reader, provider_enrolled=False)
    delivered(OPENED).when(replace(wish, reader=unknown)).refused(NotAllowed, "not-a-mailbox-provider")
    delivered(OPENED).when(replace(wish, by="provider-2")).refused(NotAllowed, "not-your-mailbox")


def test_a_provider_to_which_the_recipient_consented_later_shows_the_message_too() -> None:
    consented = Reader(provider_enrolled=True, provider_has_consent=True)
    elsewhere = replace(OPEN, by="provider-2", reader=consented)
    delivered().when(elsewhere).then(replace(OPENED, provider_id="provider-2"))


# --- Expiry ---------------------------------------------------------------------------------------------------------


def test_an_alert_comes_before_the_message_expires_and_once() -> None:
    delivered().when(ALERT).then(ALERTED)
    delivered(ALERTED).when(ALERT).then()
    delivered().when(replace(ALERT, at=EXPIRY)).refused(RuleBroken, "expiry-passed")
    delivered(ALERTED, EXPIRED).when(replace(ALERT, at=EXPIRY)).then()


def test_a_message_expires_at_its_expiry_and_not_before() -> None:
    delivered(ALERTED).when(replace(EXPIRE, at=EXPIRY - timedelta(seconds=1))).refused(RuleBroken, "expiry-not-reached")
    delivered(ALERTED).when(EXPIRE).then(EXPIRED)
    delivered(ALERTED, EXPIRED).when(EXPIRE).then()


def test_expiry_says_whether_the_message_was_opened_and_the_reader_alerted() -> None:
    delivered(OPENED).when(EXPIRE).then(replace(EXPIRED, opened=True, alerted=False))


def test_a_message_without_expiry_does_not_expire() -> None:
    lasting = given(MESSAGE, replace(SENT, expires_at=None), PUBLISHED)
    lasting.when(ALERT).refused(RuleBroken, "message-does-not-expire")
    lasting.when(EXPIRE).refused(RuleBroken, "message-does-not-expire")


@pytest.mark.parametrize("wish", READING)
def test_an_expired_message_cannot_be_read_any_more(wish: Any) -> None:
    for opened in ((), (OPENED,)):
        if not (opened and wish is OPEN):
            delivered(*opened).when(replace(wish, at=EXPIRY)).refused(RuleBroken, "message-expired")
            delivered(*opened, EXPIRED).when(wish).refused(RuleBroken, "message-expired")


def test_the_status_follows_the_message_and_expiry_is_final() -> None:
    history: list[MessageEvent] = [SENT, PUBLISHED, OPENED, CONFIRMED, REPLIED, ALERTED, EXPIRED]
    states = [MESSAGE.fold(history[: count + 1]).status for count in range(len(history))]
    assert states == [
        MessageStatus.ON_PAPER,
        MessageStatus.PUBLISHED,
        MessageStatus.OPENED,
        MessageStatus.CONFIRMED,
        MessageStatus.CONFIRMED,
        MessageStatus.CONFIRMED,
        MessageStatus.EXPIRED,
    ]
    assert MESSAGE.fold([SENT]).publication is None
