"""The rules of sending: who may send what to whom, and by which channel it goes.

A person gets digital post only on a consent in force at that moment; an enterprise gets it in its open mailbox.
Whoever cannot be reached digitally gets paper, and the sender is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from domain.kernel import Duplicate, InvalidValue, NotAllowed, NotFound, PersonalText, RuleBroken
from domain.mailbox.message_terms import (
    Message,
    MessageEvent,
    MessageNotificationImpossible,
    MessagePublished,
    MessageSent,
    Publication,
    SendMessage,
)
from domain.mailbox.values import (
    MAX_SUBJECT_LENGTH,
    Channel,
    ChannelReason,
    ImpossibleReason,
    OwnerKind,
    check_contents,
    check_payment,
)


def send(command: SendMessage, state: Message) -> Sequence[MessageEvent]:
    if state.exists:
        raise Duplicate("message-exists", "A message with this id was sent already.")
    _check_parties(command)
    _check_message(command)
    if command.in_reply_to:
        _check_original(command)
    channel, reason = _channel(command)
    sent = _sent(command, channel, reason)
    if channel is Channel.PAPER:
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
    if not command.subject.strip():
        raise InvalidValue("subject-missing", "A message has a subject.")
    if len(command.subject) > MAX_SUBJECT_LENGTH:
        raise InvalidValue("subject-too-long", f"A subject has at most {MAX_SUBJECT_LENGTH} characters.")
    check_contents(command.contents)
    if command.payment is not None:
        check_payment(command.payment)
    elif command.requires_payment:
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


def _channel(command: SendMessage) -> tuple[Channel, ChannelReason]:
    recipient = command.recipient
    if not recipient.digital_provider_ids:
        return Channel.PAPER, ChannelReason.NO_DIGITAL_USER
    if _in_double_channel_period(command):
        if recipient.exclusive_digital:
            return Channel.DIGITAL, ChannelReason.EXCLUSIVE_DIGITAL
        return Channel.BOTH, ChannelReason.DOUBLE_CHANNEL_PERIOD
    if recipient.owner_kind is OwnerKind.PERSON:
        return Channel.DIGITAL, ChannelReason.CONSENT
    return Channel.DIGITAL, ChannelReason.ENTERPRISE_MAILBOX


def _in_double_channel_period(command: SendMessage) -> bool:
    """Tell whether the sender's transition period still runs; its last day ends at midnight in the sender's zone."""
    until = command.sender.double_channel_until
    return until is not None and command.at.astimezone(ZoneInfo(command.sender_time_zone)).date() <= until


def _sent(command: SendMessage, channel: Channel, reason: ChannelReason) -> MessageSent:
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
