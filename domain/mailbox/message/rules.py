"""Rules of a message, and the state that each event leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.kernel import Decider, Duplicate, InvalidValue, NotAllowed, NotFound, PersonalText, RuleBroken
from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ConfirmMessage,
    ExpireMessage,
    Message,
    MessageCommand,
    MessageConfirmed,
    MessageEvent,
    MessageExpired,
    MessageExpiryAlerted,
    MessageNotificationFailed,
    MessageNotificationImpossible,
    MessageNotified,
    MessageOpened,
    MessagePublished,
    MessageReplied,
    MessageSent,
    MessageStatus,
    OpenMessage,
    Publication,
    ReaderCommand,
    RecordNotification,
    ReplyToMessage,
    SendMessage,
)
from domain.mailbox.values import (
    FAILURE_CODE,
    ChannelReason,
    ImpossibleReason,
    MessageChannel,
    NotificationOutcome,
    NotificationStatus,
    OwnerKind,
)

# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_be_published(command: MessageCommand, state: Message) -> None:
    if isinstance(command, SendMessage):
        return
    if not state.exists:
        raise NotFound("message-not-found", "There is no such message.")
    if state.status is MessageStatus.ON_PAPER:
        raise RuleBroken("message-on-paper", "This message was sent on paper only.")


# --- Sending: parties, contents and channel -------------------------------------------------------------------------
# A person gets digital post only on a consent in force at that moment; an enterprise gets it in its open mailbox. A
# recipient who cannot be reached digitally gets paper; the event gives the sender the reason.


def _send(command: SendMessage, state: Message) -> Sequence[MessageEvent]:
    if state.exists:
        raise Duplicate("message-exists", "A message with this id was sent already.")
    _check_parties(command)
    _check_message(command)
    if command.in_reply_to:
        _check_original(command)
    channel, reason = _channel(command)
    sent = _sent(command, channel, reason)
    if channel is MessageChannel.PAPER:
        return [sent]
    published = _published(command, sent)
    if command.recipient.address_verified:
        return [sent, published]
    return [sent, published, MessageNotificationImpossible(reason=ImpossibleReason.NO_VERIFIED_ADDRESS)]


def _check_parties(command: SendMessage) -> None:
    if not command.sender.enrolled or command.sender.organisation_id != command.by:
        raise NotAllowed("not-a-mailbox-sender", "This organisation is not enrolled as a sender of digital post.")
    if command.on_behalf_of and not command.on_behalf_of_enrolled:
        raise NotAllowed(
            "on-behalf-of-not-enrolled", "The organisation for which the message is sent is not enrolled as a sender."
        )
    if command.recipient.owner_kind is None:
        raise NotFound("recipient-not-found", "The recipient is not a registered person or organisation.")


def _check_message(command: SendMessage) -> None:
    if command.requires_payment and command.payment is None:
        raise InvalidValue("payment-data-missing", "A message that requires payment says what is to be paid.")
    if command.expires_at is not None and command.expires_at <= command.at:
        raise InvalidValue("expiry-not-in-future", "A message expires after it is sent.")


def _check_original(command: SendMessage) -> None:
    original = command.original
    if not original.exists:
        raise NotFound("original-message-not-found", "The message that this one answers does not exist.")
    if {original.sender_id, original.mailbox_id} != {command.by, command.mailbox_id}:
        raise NotAllowed("not-your-conversation", "An answer goes between the two parties of the original message.")
    if not original.reply_allowed:
        raise RuleBroken("reply-not-allowed", "The sender of this message does not take replies.")


def _channel(command: SendMessage) -> tuple[MessageChannel, ChannelReason]:
    recipient = command.recipient
    if not recipient.digital_provider_ids:
        return MessageChannel.PAPER, ChannelReason.NO_DIGITAL_USER
    if _in_double_channel_period(command):
        if recipient.exclusive_digital:
            return MessageChannel.DIGITAL, ChannelReason.EXCLUSIVE_DIGITAL
        return MessageChannel.BOTH, ChannelReason.DOUBLE_CHANNEL_PERIOD
    if recipient.owner_kind is OwnerKind.PERSON:
        return MessageChannel.DIGITAL, ChannelReason.CONSENT
    return MessageChannel.DIGITAL, ChannelReason.ENTERPRISE_MAILBOX


def _in_double_channel_period(command: SendMessage) -> bool:
    """Return whether the sender's transition period still runs; its last day ends at midnight in the sender's zone."""
    until = command.sender.double_channel_until
    return until is not None and command.at.astimezone(ZoneInfo(command.sender_time_zone)).date() <= until


def _sent(command: SendMessage, channel: MessageChannel, reason: ChannelReason) -> MessageSent:
    sender, recipient = command.sender, command.recipient
    assert recipient.owner_kind is not None
    return MessageSent(
        mailbox_id=command.mailbox_id,
        owner_kind=recipient.owner_kind,
        jurisdiction=sender.jurisdiction,
        sender_id=command.by,
        sender_type=sender.organisation_type,
        outside_government=sender.outside_government,
        double_channel_until=sender.double_channel_until,
        sender_time_zone=command.sender_time_zone,
        message_type=command.message_type,
        subject=PersonalText(command.subject),
        contents=command.contents,
        payment=command.payment,
        requires_payment=command.requires_payment,
        notification_only=command.notification_only,
        reply_allowed=command.reply_allowed,
        in_reply_to=command.in_reply_to,
        on_behalf_of=command.on_behalf_of,
        expires_at=command.expires_at,
        channel=channel,
        reason=reason,
        provider_ids=recipient.digital_provider_ids,
        consents=recipient.consents,
    )


def _published(command: SendMessage, sent: MessageSent) -> MessagePublished:
    return MessagePublished(
        mailbox_id=sent.mailbox_id,
        channel=sent.channel,
        provider_ids=sent.provider_ids,
        publication=Publication(
            jurisdiction=sent.jurisdiction,
            sender_id=sent.sender_id,
            sender_type=sent.sender_type,
            outside_government=sent.outside_government,
            notification_only=sent.notification_only,
            mailbox_taken_into_use=command.recipient.taken_into_use,
            sender_time_zone=sent.sender_time_zone,
            published_at=command.at,
        ),
    )


# --- Notification, reading, expiry ----------------------------------------------------------------------------------


def _record_notification(command: RecordNotification, state: Message) -> Sequence[MessageEvent]:
    if command.by not in state.provider_ids:
        raise NotAllowed("not-your-delivery", "Only a mailbox provider that delivered the message can report on it.")
    failed = command.outcome is NotificationOutcome.FAILED
    if failed:
        FAILURE_CODE.check(command.code)
    # A technical report on a message that is read, expired or notified changes nothing.
    if state.status is not MessageStatus.PUBLISHED or state.notification is NotificationStatus.NOTIFIED:
        return []
    if not failed:
        return [MessageNotified(provider_id=command.by)]
    if state.failure_code == command.code:
        return []
    return [MessageNotificationFailed(provider_id=command.by, code=command.code)]


def _open(command: OpenMessage, state: Message) -> Sequence[MessageEvent]:
    _must_read_rightfully(command, state)
    if state.opened:
        return []
    _must_not_be_expired(command.at, state)
    assert state.publication is not None
    return [
        MessageOpened(
            mailbox_id=state.mailbox_id,
            provider_id=command.by,
            acting_person_id=command.person_id,
            mandate_id=command.reader.mandate_id,
            notification=state.notification,
            publication=state.publication,
        )
    ]


def _confirm(command: ConfirmMessage, state: Message) -> Sequence[MessageEvent]:
    _must_read_rightfully(command, state)
    if state.confirmed:
        return []
    _must_be_open_still(command.at, state)
    return [
        MessageConfirmed(
            provider_id=command.by, acting_person_id=command.person_id, mandate_id=command.reader.mandate_id
        )
    ]


def _reply(command: ReplyToMessage, state: Message) -> Sequence[MessageEvent]:
    _must_read_rightfully(command, state)
    if not state.reply_allowed:
        raise RuleBroken("reply-not-allowed", "The sender of this message does not take replies.")
    if state.reply_message_id == command.reply_message_id:
        return []
    _must_be_open_still(command.at, state)
    return [
        MessageReplied(
            reply_message_id=command.reply_message_id,
            contents=command.contents,
            provider_id=command.by,
            acting_person_id=command.person_id,
            mandate_id=command.reader.mandate_id,
        )
    ]


def _must_read_rightfully(command: ReaderCommand, state: Message) -> None:
    """Admit the recipient or a mandatary, through a provider that the recipient chose.

    A consent withdrawn later takes nothing back: a message that was delivered at a provider can still be read there.
    """
    reader = command.reader
    if not reader.provider_enrolled:
        raise NotAllowed("not-a-mailbox-provider", "This organisation is not enrolled as a mailbox provider.")
    if command.by not in state.provider_ids and not reader.provider_has_consent:
        raise NotAllowed("not-your-mailbox", "Only a mailbox provider that the recipient chose can pass on this wish.")
    if state.mailbox_id not in (command.person_id, reader.mandator_id):
        raise NotAllowed("not-the-recipient", "Only the recipient, or someone with a mandate in force, can read this.")


def _must_not_be_expired(at: datetime, state: Message) -> None:
    if state.status is MessageStatus.EXPIRED or (state.expires_at is not None and at >= state.expires_at):
        raise RuleBroken("message-expired", "This message has expired.")


def _must_be_open_still(at: datetime, state: Message) -> None:
    _must_not_be_expired(at, state)
    if not state.opened:
        raise RuleBroken("message-not-opened", "This message was not opened yet.")


def _alert_expiry(command: AlertMessageExpiry, state: Message) -> Sequence[MessageEvent]:
    expires_at = _expiry(state)
    if state.expiry_alerted or state.status is MessageStatus.EXPIRED:
        return []
    if command.at >= expires_at:
        raise RuleBroken("expiry-passed", "An alert comes before the message expires.")
    return [MessageExpiryAlerted(expires_at=expires_at)]


def _expire(command: ExpireMessage, state: Message) -> Sequence[MessageEvent]:
    expires_at = _expiry(state)
    if state.status is MessageStatus.EXPIRED:
        return []
    if command.at < expires_at:
        raise RuleBroken("expiry-not-reached", "This message has not reached its expiry.")
    return [MessageExpired(opened=state.opened, alerted=state.expiry_alerted)]


def _expiry(state: Message) -> datetime:
    if state.expires_at is None:
        raise RuleBroken("message-does-not-expire", "This message has no expiry.")
    return state.expires_at


def evolve(state: Message, event: MessageEvent) -> Message:
    match event:
        case MessageSent():
            return Message(
                status=MessageStatus.ON_PAPER,  # until it is published, within the same append
                mailbox_id=event.mailbox_id,
                sender_id=event.sender_id,
                reply_allowed=event.reply_allowed,
                expires_at=event.expires_at,
            )
        case MessagePublished():
            return replace(
                state,
                status=MessageStatus.PUBLISHED,
                provider_ids=event.provider_ids,
                publication=event.publication,
            )
        case MessageNotificationImpossible():
            return replace(state, notification=NotificationStatus.IMPOSSIBLE)
        case MessageNotified():
            return replace(state, notification=NotificationStatus.NOTIFIED)
        case MessageNotificationFailed():
            return replace(state, notification=NotificationStatus.FAILED, failure_code=event.code)
        case MessageOpened():
            return replace(state, status=MessageStatus.OPENED, opened=True)
        case MessageConfirmed():
            return replace(state, status=MessageStatus.CONFIRMED, confirmed=True)
        case MessageReplied():
            return replace(state, reply_message_id=event.reply_message_id)
        case MessageExpiryAlerted():
            return replace(state, expiry_alerted=True)
        case MessageExpired():
            return replace(state, status=MessageStatus.EXPIRED)
        case _:
            assert_never(event)


MESSAGE: Decider[MessageCommand, Message, MessageEvent] = Decider(
    category="message",
    key=("message_id",),
    initial=Message(),
    guard=_must_be_published,
    rules={
        SendMessage: _send,
        RecordNotification: _record_notification,
        OpenMessage: _open,
        ConfirmMessage: _confirm,
        ReplyToMessage: _reply,
        AlertMessageExpiry: _alert_expiry,
        ExpireMessage: _expire,
    },
    evolve=evolve,
    events={
        "mailbox.message-sent.v1": MessageSent,
        "mailbox.message-published.v1": MessagePublished,
        "mailbox.message-notification-impossible.v1": MessageNotificationImpossible,
        "mailbox.message-notified.v1": MessageNotified,
        "mailbox.message-notification-failed.v1": MessageNotificationFailed,
        "mailbox.message-opened.v1": MessageOpened,
        "mailbox.message-confirmed.v1": MessageConfirmed,
        "mailbox.message-replied.v1": MessageReplied,
        "mailbox.message-expiry-alerted.v1": MessageExpiryAlerted,
        "mailbox.message-expired.v1": MessageExpired,
    },
)
