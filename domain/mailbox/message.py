"""A message: sent by the channel that consent allows, then notified, opened, confirmed, answered or expired.

Technical reports on a notification count only while the message is unread: a late one overturns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.kernel import Decider, NotAllowed, NotFound, RuleBroken
from domain.mailbox.message_terms import (
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
    MessageWish,
    OpenMessage,
    ReaderWish,
    RecordNotification,
    ReplyToMessage,
    SendMessage,
)
from domain.mailbox.sending import send
from domain.mailbox.values import NotificationOutcome, NotificationStatus, check_contents, check_failure_code

# --- Rules ----------------------------------------------------------------------------------------------------------


def decide_message(command: MessageWish, state: Message) -> Sequence[MessageEvent]:  # noqa: PLR0911 - one per command
    if isinstance(command, SendMessage):
        return send(command, state)
    _must_be_published(state)
    match command:
        case RecordNotification():
            return _record_notification(command, state)
        case OpenMessage():
            return _open(command, state)
        case ConfirmMessage():
            return _confirm(command, state)
        case ReplyToMessage():
            return _reply(command, state)
        case AlertMessageExpiry():
            return _alert_expiry(command, state)
        case ExpireMessage():
            return _expire(command, state)
        case _:
            assert_never(command)


def _must_be_published(state: Message) -> None:
    if not state.exists:
        raise NotFound("message-not-found", "There is no such message.")
    if state.status is MessageStatus.ON_PAPER:
        raise RuleBroken("message-on-paper", "This message was sent on paper only.")


def _record_notification(command: RecordNotification, state: Message) -> Sequence[MessageEvent]:
    if command.by not in state.provider_ids:
        raise NotAllowed("not-your-delivery", "Only a mailbox provider that delivered the message can report on it.")
    failed = command.outcome is NotificationOutcome.FAILED
    if failed:
        check_failure_code(command.code)
    # Once read, expired or notified, a technical report has nothing left to say.
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
    check_contents(command.contents)
    return [
        MessageReplied(
            reply_message_id=command.reply_message_id,
            contents=command.contents,
            provider_id=command.by,
            acting_person_id=command.person_id,
            mandate_id=command.reader.mandate_id,
        )
    ]


def _must_read_rightfully(command: ReaderWish, state: Message) -> None:
    """Let the recipient or a mandatary in, through a provider that the recipient chose.

    A consent withdrawn later takes nothing back: what was delivered at a provider can still be read there.
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


def evolve_message(state: Message, event: MessageEvent) -> Message:  # noqa: C901, PLR0911 - one per event
    match event:
        case MessageSent():
            return _after_sending(event)
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


def _after_sending(event: MessageSent) -> Message:
    return Message(
        status=MessageStatus.ON_PAPER,  # until it is published, within the same append
        mailbox_id=event.mailbox_id,
        owner_kind=event.owner_kind,
        sender_id=event.sender_id,
        reply_allowed=event.reply_allowed,
        expires_at=event.expires_at,
    )


def _id(command: MessageCommand) -> str:
    return command.message_id


MESSAGE: Decider[MessageWish, Message, MessageEvent] = Decider(
    category="message",
    initial=Message(),
    decide=decide_message,
    evolve=evolve_message,
    commands=dict.fromkeys(
        (
            SendMessage,
            RecordNotification,
            OpenMessage,
            ConfirmMessage,
            ReplyToMessage,
            AlertMessageExpiry,
            ExpireMessage,
        ),
        _id,
    ),
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
