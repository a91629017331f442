"""The inbox: one row for each message of any channel, with its status.

The subject and the reference of a payment are sealed, as in the log. The outcome of the notification has a column of
its own: a technical report never changes the status.
"""

from __future__ import annotations

from datetime import datetime

from domain.access.access import Category
from domain.kernel import Jurisdiction, PersonalText, Recorded
from domain.mailbox.message.model import (
    MessageConfirmed,
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
)
from domain.mailbox.values import ChannelReason, MessageChannel, MessageType, NotificationStatus, OwnerKind
from projections.read_model import About, Col, Effects, Key, ListOrder, ReadModel, RowBase, Rule, To, change, put
from projections.row_security import Seen
from projections.words import first


class Row(RowBase):
    message_id: Key[str]
    mailbox_id: Col[str]
    owner_kind: Col[OwnerKind]
    jurisdiction: Col[Jurisdiction]
    sender_id: Col[str]
    sender_type: Col[str]
    on_behalf_of: Col[str]
    enterprise_id: Col[str]
    enterprise_provider_id: Col[str]
    provider_ids: Col[tuple[str, ...]]
    message_type: Col[MessageType]
    subject: Col[PersonalText]
    channel: Col[MessageChannel]
    channel_reason: Col[ChannelReason]
    status: Col[MessageStatus] = Col(MessageStatus.ON_PAPER)
    notification: Col[str] = Col("")
    notification_code: Col[str] = Col("")
    attachment_count: Col[int]
    requires_payment: Col[bool]
    amount_cents: Col[int | None]
    currency: Col[str]
    payment_reference: Col[str]
    notification_only: Col[bool]
    reply_allowed: Col[bool]
    in_reply_to: Col[str]
    reply_message_id: Col[str] = Col("")
    sent_at: Col[datetime]
    published_at: Col[datetime | None] = Col(None)
    notified_at: Col[datetime | None] = Col(None)
    first_opened_at: Col[datetime | None] = Col(None)
    confirmed_at: Col[datetime | None] = Col(None)
    replied_at: Col[datetime | None] = Col(None)
    expires_at: Col[datetime | None]
    expiry_alerted_at: Col[datetime | None] = Col(None)
    expired_at: Col[datetime | None] = Col(None)


MISSED = (
    Row.status == MessageStatus.PUBLISHED,
    Row.notification.in_((NotificationStatus.IMPOSSIBLE, NotificationStatus.FAILED)),
)


def _sent(recorded: Recorded[MessageSent]) -> Effects[Row]:
    event = recorded.event
    payment = event.payment
    of_enterprise = event.owner_kind == OwnerKind.ENTERPRISE and event.provider_ids
    yield put(
        Row(
            message_id=recorded.aggregate_id,
            mailbox_id=event.mailbox_id,
            owner_kind=event.owner_kind,
            jurisdiction=event.jurisdiction,
            sender_id=event.sender_id,
            sender_type=event.sender_type,
            on_behalf_of=event.on_behalf_of,
            # Within the same append, a message is published to where it goes digitally.
            enterprise_id=event.mailbox_id if of_enterprise else "",
            enterprise_provider_id=first(event.provider_ids) if of_enterprise else "",
            provider_ids=event.provider_ids,
            message_type=event.message_type,
            subject=event.subject,
            channel=event.channel,
            channel_reason=event.reason,
            attachment_count=len(event.contents),
            requires_payment=event.requires_payment,
            amount_cents=payment.amount_cents if payment else None,
            currency=payment.currency if payment else "",
            payment_reference=payment.reference if payment else "",
            notification_only=event.notification_only,
            reply_allowed=event.reply_allowed,
            in_reply_to=event.in_reply_to,
            sent_at=recorded.context.effective_at,
            expires_at=event.expires_at,
        )
    )


def _published(recorded: Recorded[MessagePublished]) -> Effects[Row]:
    yield change(
        Row,
        Row.message_id.to(recorded.aggregate_id),
        Row.status.to(MessageStatus.PUBLISHED),
        Row.notification.to(NotificationStatus.PENDING),
        Row.published_at.to(recorded.event.publication.published_at),
    )


def _notification_impossible(recorded: Recorded[MessageNotificationImpossible]) -> Effects[Row]:
    yield change(
        Row,
        Row.message_id.to(recorded.aggregate_id),
        Row.notification.to(NotificationStatus.IMPOSSIBLE),
        Row.notification_code.to(recorded.event.reason),
    )


def _notification_failed(recorded: Recorded[MessageNotificationFailed]) -> Effects[Row]:
    yield change(
        Row,
        Row.message_id.to(recorded.aggregate_id),
        Row.notification.to(NotificationStatus.FAILED),
        Row.notification_code.to(recorded.event.code),
    )


def _replied(recorded: Recorded[MessageReplied]) -> Effects[Row]:
    yield change(
        Row,
        Row.message_id.to(recorded.aggregate_id),
        Row.reply_message_id.to(recorded.event.reply_message_id),
        Row.replied_at.to(recorded.context.effective_at),
    )


def _happened(instant: Col[datetime | None], *others: To[MessageStatus] | To[str]) -> Rule[Row]:
    """Note when it happened, and what else is so from then on."""

    def rule(recorded: Recorded[object]) -> Effects[Row]:
        yield change(
            Row,
            Row.message_id.to(recorded.aggregate_id),
            instant.to(recorded.context.effective_at),
            *others,
        )

    return rule


READ_MODEL = ReadModel(
    name="messages",
    version=3,
    row=Row,
    rules={
        MessageSent: _sent,
        MessagePublished: _published,
        MessageNotificationImpossible: _notification_impossible,
        MessageNotified: _happened(
            Row.notified_at, Row.notification.to(NotificationStatus.NOTIFIED), Row.notification_code.to("")
        ),
        MessageNotificationFailed: _notification_failed,
        MessageOpened: _happened(Row.first_opened_at, Row.status.to(MessageStatus.OPENED)),
        MessageConfirmed: _happened(Row.confirmed_at, Row.status.to(MessageStatus.CONFIRMED)),
        MessageReplied: _replied,
        MessageExpiryAlerted: _happened(Row.expiry_alerted_at),
        MessageExpired: _happened(Row.expired_at, Row.status.to(MessageStatus.EXPIRED)),
    },
    indexes={
        "sender": (Row.sender_id, Row.sent_at, Row.message_id),
    },
    lists={
        "newest": ListOrder((Row.sent_at, Row.message_id), newest_first=True),
        "missed": ListOrder((Row.published_at, Row.message_id), where=MISSED),
    },
    seen=Seen(
        parties=(Row.sender_id, Row.on_behalf_of, Row.enterprise_id, Row.enterprise_provider_id),
        owner=Row.mailbox_id,
        delivered_at=Row.provider_ids,
    ),
    about={Row.mailbox_id: About(Category.MESSAGES, where={Row.owner_kind: OwnerKind.PERSON})},
)
