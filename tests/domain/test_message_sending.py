"""Sending: digital only on consent, paper otherwise, both in a transition period; and what a message may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.kernel import Duplicate, InvalidValue, NotAllowed, NotFound, PersonalText, Refusal, RuleBroken
from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ExpireMessage,
    Message,
    MessageCommand,
    MessageEvent,
    MessagePublished,
    MessageSent,
    RecordNotification,
)
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import (
    ChannelReason,
    ConsentEvidence,
    MessageChannel,
    NotificationOutcome,
    Original,
    OwnerKind,
    Payment,
    Recipient,
    Sender,
    SenderTimeZone,
)
from tests.domain.given import given
from tests.domain.letters import (
    ANNEX,
    AT,
    CONFIRM,
    CONSENTED,
    ENROLLED_SENDER,
    ENTERPRISE,
    EXPIRY,
    IMPOSSIBLE,
    LATER,
    MAIN,
    MESSAGE_ID,
    NOT_CONSENTED,
    OPEN,
    OPEN_ENTERPRISE,
    PERSON,
    PROVIDER,
    PUBLICATION,
    PUBLISHED,
    REPLY,
    SEND,
    SENDER,
    SENT,
)

TODAY = date(2021, 11, 3)
PAPER = replace(SENT, channel=MessageChannel.PAPER, reason=ChannelReason.NO_DIGITAL_USER, provider_ids=(), consents=())
PAYMENT = Payment(amount_cents=12_500, currency="EUR", reference="090933755493")


def _in_transition(until: date) -> Any:
    return replace(ENROLLED_SENDER, double_channel_until=until)


# --- The channel ----------------------------------------------------------------------------------------------------


def test_with_consent_a_message_is_published_and_the_consent_is_named() -> None:
    given(MESSAGE).when(SEND).then(SENT, PUBLISHED)


def test_without_consent_it_goes_on_paper_and_the_sender_is_told_why() -> None:
    given(MESSAGE).when(replace(SEND, recipient=NOT_CONSENTED)).then(PAPER)


def test_an_open_mailbox_without_consent_is_not_enough_for_a_person() -> None:
    opened = replace(CONSENTED, consents=())
    given(MESSAGE).when(replace(SEND, recipient=opened)).then(PAPER)


def test_every_provider_at_which_the_person_consented_gets_it() -> None:
    consents = (*CONSENTED.consents, ConsentEvidence(provider_id="provider-2", grant_number=3))
    both = (PROVIDER, "provider-2")
    given(MESSAGE).when(replace(SEND, recipient=replace(CONSENTED, consents=consents))).then(
        replace(SENT, provider_ids=both, consents=consents), replace(PUBLISHED, provider_ids=both)
    )


def test_the_open_mailbox_of_an_enterprise_is_digital_without_consent() -> None:
    to_enterprise = replace(SEND, mailbox_id=ENTERPRISE, recipient=OPEN_ENTERPRISE)
    sent = replace(
        SENT,
        mailbox_id=ENTERPRISE,
        owner_kind=OwnerKind.ENTERPRISE,
        reason=ChannelReason.ENTERPRISE_MAILBOX,
        consents=(),
    )
    given(MESSAGE).when(to_enterprise).then(sent, replace(PUBLISHED, mailbox_id=ENTERPRISE))


def test_an_enterprise_without_an_open_mailbox_gets_paper() -> None:
    closed = Recipient(owner_kind=OwnerKind.ENTERPRISE)
    given(MESSAGE).when(replace(SEND, recipient=closed)).then(replace(PAPER, owner_kind=OwnerKind.ENTERPRISE))


def test_in_the_transition_period_it_goes_both_ways_up_to_its_last_day() -> None:
    both: dict[str, Any] = {"channel": MessageChannel.BOTH}
    sent = replace(SENT, **both, reason=ChannelReason.DOUBLE_CHANNEL_PERIOD, double_channel_until=TODAY)
    given(MESSAGE).when(replace(SEND, sender=_in_transition(TODAY))).then(sent, replace(PUBLISHED, **both))
    over = replace(SENT, double_channel_until=date(2021, 11, 2))
    given(MESSAGE).when(replace(SEND, sender=_in_transition(date(2021, 11, 2)))).then(over, PUBLISHED)


@pytest.mark.parametrize(
    ("at", "zone", "channel"),
    [
        (datetime(2021, 11, 3, 22, 59, tzinfo=UTC), SenderTimeZone.BRUSSELS, MessageChannel.BOTH),
        (datetime(2021, 11, 3, 23, 0, tzinfo=UTC), SenderTimeZone.BRUSSELS, MessageChannel.DIGITAL),
        (datetime(2021, 11, 4, 3, 59, tzinfo=UTC), SenderTimeZone.BONAIRE, MessageChannel.BOTH),
        (datetime(2021, 11, 4, 4, 0, tzinfo=UTC), SenderTimeZone.BONAIRE, MessageChannel.DIGITAL),
    ],
)
def test_the_last_day_ends_at_midnight_where_the_sender_is(
    at: datetime, zone: SenderTimeZone, channel: MessageChannel
) -> None:
    wish = replace(SEND, at=at, sender_time_zone=zone, sender=_in_transition(TODAY))
    sent = MESSAGE.decide(wish, MESSAGE.initial)[0]
    assert isinstance(sent, MessageSent)
    assert sent.channel is channel


def test_without_consent_a_transition_period_changes_nothing() -> None:
    wish = replace(SEND, sender=_in_transition(TODAY), recipient=NOT_CONSENTED)
    given(MESSAGE).when(wish).then(replace(PAPER, double_channel_until=TODAY))


def test_whoever_prefers_digital_only_gets_no_paper_beside_it() -> None:
    wish = replace(SEND, sender=_in_transition(TODAY), recipient=replace(CONSENTED, exclusive_digital=True))
    sent = replace(SENT, reason=ChannelReason.EXCLUSIVE_DIGITAL, double_channel_until=TODAY)
    given(MESSAGE).when(wish).then(sent, PUBLISHED)


def test_preferring_digital_only_does_not_replace_consent() -> None:
    given(MESSAGE).when(replace(SEND, recipient=replace(NOT_CONSENTED, exclusive_digital=True))).then(PAPER)


def test_without_a_verified_address_notification_is_impossible_and_said_to_be_so() -> None:
    unverified = replace(CONSENTED, address_verified=False)
    given(MESSAGE).when(replace(SEND, recipient=unverified)).then(SENT, PUBLISHED, IMPOSSIBLE)


def test_publication_carries_what_openings_are_counted_by() -> None:
    outside = replace(ENROLLED_SENDER, outside_government=True)
    wish = replace(
        SEND,
        sender=outside,
        recipient=replace(CONSENTED, taken_into_use=False),
        notification_only=True,
        sender_time_zone=SenderTimeZone.BONAIRE,
    )
    published = MESSAGE.decide(wish, MESSAGE.initial)[1]
    assert isinstance(published, MessagePublished)
    assert published.publication == replace(
        PUBLICATION,
        outside_government=True,
        mailbox_taken_into_use=False,
        notification_only=True,
        sender_time_zone=SenderTimeZone.BONAIRE,
    )


# --- The parties ----------------------------------------------------------------------------------------------------


def test_only_an_enrolled_sender_sends() -> None:
    given(MESSAGE).when(replace(SEND, sender=Sender())).refused(NotAllowed, "not-a-mailbox-sender")
    ended = replace(ENROLLED_SENDER, enrolled=False)
    given(MESSAGE).when(replace(SEND, sender=ended)).refused(NotAllowed, "not-a-mailbox-sender")
    given(MESSAGE).when(replace(SEND, by="another")).refused(NotAllowed, "not-a-mailbox-sender")


def test_the_recipient_is_registered() -> None:
    unknown = Recipient(owner_kind=None)
    given(MESSAGE).when(replace(SEND, recipient=unknown)).refused(NotFound, "recipient-not-found")


def test_sending_for_another_needs_that_one_to_be_enrolled() -> None:
    wish = replace(SEND, on_behalf_of="sender-2")
    given(MESSAGE).when(wish).refused(NotAllowed, "on-behalf-of-not-enrolled")
    sent = replace(SENT, on_behalf_of="sender-2")
    given(MESSAGE).when(replace(wish, on_behalf_of_enrolled=True)).then(sent, PUBLISHED)


def test_a_message_id_is_used_once() -> None:
    given(MESSAGE, SENT, PUBLISHED).when(SEND).refused(Duplicate, "message-exists")
    given(MESSAGE, PAPER).when(SEND).refused(Duplicate, "message-exists")


# --- What a message holds -------------------------------------------------------------------------------------------


def test_the_subject_has_at_most_400_characters() -> None:
    longest = "é" * 400
    given(MESSAGE).when(replace(SEND, subject=longest)).then(replace(SENT, subject=PersonalText(longest)), PUBLISHED)
    given(MESSAGE).when(replace(SEND, subject=longest + "é")).refused(InvalidValue, "subject-too-long")
    given(MESSAGE).when(replace(SEND, subject="  ")).refused(InvalidValue, "subject-missing")


def test_at_most_six_attachments() -> None:
    six = (MAIN, *[ANNEX] * 5)
    given(MESSAGE).when(replace(SEND, contents=six)).then(replace(SENT, contents=six), PUBLISHED)
    given(MESSAGE).when(replace(SEND, contents=(*six, ANNEX))).refused(InvalidValue, "too-many-attachments")


@pytest.mark.parametrize("contents", [(), (ANNEX,), (MAIN, MAIN)])
def test_exactly_one_main_content(contents: Any) -> None:
    given(MESSAGE).when(replace(SEND, contents=contents)).refused(InvalidValue, "not-one-main-content")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sha256": "a" * 42}, "invalid-digest"),
        ({"sha256": "a" * 43}, "invalid-digest"),  # its last two bits are not zero: no 256 bits end so
        ({"sha256": "+" + "A" * 42}, "invalid-digest"),
        ({"sha256": "A" * 43 + "="}, "invalid-digest"),
        ({"media_type": "pdf"}, "invalid-media-type"),
        ({"media_type": "application/"}, "invalid-media-type"),
        ({"size_bytes": 0}, "empty-attachment"),
        ({"size_bytes": (1 << 30) + 1}, "attachment-too-large"),
    ],
)
def test_an_attachment_has_a_digest_a_media_type_and_a_size(wrong: dict[str, Any], code: str) -> None:
    given(MESSAGE).when(replace(SEND, contents=(replace(MAIN, **wrong),))).refused(InvalidValue, code)


def test_a_message_that_requires_payment_says_what_is_to_be_paid() -> None:
    given(MESSAGE).when(replace(SEND, requires_payment=True)).refused(InvalidValue, "payment-data-missing")
    wish = replace(SEND, requires_payment=True, payment=PAYMENT)
    given(MESSAGE).when(wish).then(replace(SENT, requires_payment=True, payment=PAYMENT), PUBLISHED)


def test_payment_data_may_stand_in_a_message_that_does_not_require_payment() -> None:
    given(MESSAGE).when(replace(SEND, payment=PAYMENT)).then(replace(SENT, payment=PAYMENT), PUBLISHED)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount_cents": 0}, "invalid-amount"),
        ({"amount_cents": -1}, "invalid-amount"),
        ({"amount_cents": 10**15 + 1}, "invalid-amount"),
        ({"currency": "euro"}, "invalid-currency"),
        ({"reference": ""}, "invalid-payment-reference"),
        ({"reference": "090933755494"}, "invalid-payment-reference"),
        ({"reference": "6000056789012345"}, "invalid-payment-reference"),
        ({"reference": "RF19539007547034"}, "invalid-payment-reference"),
        ({"reference": "١٢٣٤٥٦٧٨٩٠٠٢"}, "invalid-payment-reference"),
    ],
)
def test_payment_data_must_be_right(wrong: dict[str, Any], code: str) -> None:
    given(MESSAGE).when(replace(SEND, payment=replace(PAYMENT, **wrong))).refused(InvalidValue, code)


@pytest.mark.parametrize(
    "reference",
    [
        "090933755493",  # Belgian, remainder 93
        "000000009797",  # Belgian, remainder 0 is written as 97
        "5000056789012345",  # Dutch, the published example of its check digit
        "RF18539007547034",  # ISO 11649
    ],
)
def test_structured_references_of_both_countries_are_taken(reference: str) -> None:
    payment = replace(PAYMENT, reference=reference)
    given(MESSAGE).when(replace(SEND, payment=payment)).then(replace(SENT, payment=payment), PUBLISHED)


def test_a_message_expires_after_it_is_sent_or_not_at_all() -> None:
    given(MESSAGE).when(replace(SEND, expires_at=AT)).refused(InvalidValue, "expiry-not-in-future")
    given(MESSAGE).when(replace(SEND, expires_at=None)).then(replace(SENT, expires_at=None), PUBLISHED)


# --- Answers --------------------------------------------------------------------------------------------------------

ORIGINAL = Original(exists=True, reply_allowed=True, sender_id=SENDER, mailbox_id=PERSON)


def test_an_answer_names_a_message_of_the_same_conversation_that_takes_replies() -> None:
    wish = replace(SEND, in_reply_to="message-0", original=ORIGINAL)
    given(MESSAGE).when(wish).then(replace(SENT, in_reply_to="message-0"), PUBLISHED)
    turned = replace(ORIGINAL, sender_id=PERSON, mailbox_id=SENDER)
    given(MESSAGE).when(replace(wish, original=turned)).then(replace(SENT, in_reply_to="message-0"), PUBLISHED)


def test_an_answer_to_nothing_to_others_or_against_the_senders_wish_is_refused() -> None:
    wish = replace(SEND, in_reply_to="message-0")
    given(MESSAGE).when(wish).refused(NotFound, "original-message-not-found")
    others = replace(ORIGINAL, sender_id="sender-2")
    given(MESSAGE).when(replace(wish, original=others)).refused(NotAllowed, "not-your-conversation")
    closed = replace(ORIGINAL, reply_allowed=False)
    given(MESSAGE).when(replace(wish, original=closed)).refused(RuleBroken, "reply-not-allowed")


# --- No path around consent -----------------------------------------------------------------------------------------

RECIPIENTS = st.builds(
    Recipient,
    owner_kind=st.sampled_from([None, OwnerKind.PERSON]),
    consents=st.sampled_from([(), CONSENTED.consents]),
    mailbox_provider_id=st.sampled_from(["", PROVIDER]),
    address_verified=st.booleans(),
    taken_into_use=st.booleans(),
    exclusive_digital=st.booleans(),
)
SENDERS = st.sampled_from([Sender(), ENROLLED_SENDER, _in_transition(TODAY)])
FRAME: dict[str, Any] = {"message_id": MESSAGE_ID}
WISHES = st.one_of(
    st.builds(
        lambda recipient, sender, notification_only: replace(
            SEND, recipient=recipient, sender=sender, notification_only=notification_only
        ),
        RECIPIENTS,
        SENDERS,
        st.booleans(),
    ),
    st.sampled_from(
        [
            OPEN,
            CONFIRM,
            REPLY,
            RecordNotification(**FRAME, at=LATER, by=PROVIDER, outcome=NotificationOutcome.NOTIFIED),
            AlertMessageExpiry(**FRAME, at=LATER, by="platform"),
            ExpireMessage(**FRAME, at=EXPIRY, by="platform"),
        ]
    ),
)


@forall(st.lists(WISHES, max_size=8))
def test_no_sequence_of_wishes_reaches_a_person_digitally_without_consent(wishes: list[MessageCommand]) -> None:
    state: Message = MESSAGE.initial
    published = False
    for wish in wishes:
        events = _decide(wish, state)
        for event in events:
            if isinstance(event, MessageSent) and event.channel is not MessageChannel.PAPER:
                recipient = getattr(wish, "recipient", NOT_CONSENTED)
                assert event.consents
                assert event.consents == recipient.consents
                assert event.provider_ids == tuple(consent.provider_id for consent in recipient.consents)
                published = True
        assert not any(isinstance(event, MessagePublished) for event in events) or published
        state = MESSAGE.fold(events, state)
    assert published or state.publication is None


def _decide(wish: MessageCommand, state: Message) -> list[MessageEvent]:
    try:
        return list(MESSAGE.decide(wish, state))
    except Refusal:
        return []
