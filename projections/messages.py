"""The inbox: one row for each message, whatever its channel, with how far it came.

The subject and the reference of a payment stand here as the log has them: sealed. What became of the notification
stands in a column of its own: a technical report never changes the status.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Text

from domain.kernel import Recorded
from domain.mailbox import (
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
    NotificationStatus,
)
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "messages",
    2,
    Column("message_id", Text, primary_key=True),
    Column("mailbox_id", Text, nullable=False),
    Column("owner_kind", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("sender_id", Text, nullable=False),
    Column("sender_type", Text, nullable=False),
    Column("on_behalf_of", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("channel_reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("notification", Text, nullable=False),
    Column("notification_code", Text, nullable=False),
    Column("attachment_count", BigInteger, nullable=False),
    Column("requires_payment", Boolean, nullable=False),
    Column("amount_cents", BigInteger, nullable=True),
    Column("currency", Text, nullable=False),
    Column("payment_reference", Text, nullable=False),
    Column("notification_only", Boolean, nullable=False),
    Column("reply_allowed", Boolean, nullable=False),
    Column("in_reply_to", Text, nullable=False),
    Column("reply_message_id", Text, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=True),
    Column("notified_at", DateTime(timezone=True), nullable=True),
    Column("first_opened_at", DateTime(timezone=True), nullable=True),
    Column("confirmed_at", DateTime(timezone=True), nullable=True),
    Column("replied_at", DateTime(timezone=True), nullable=True),
    Column("expires_at", DateTime(timezone=True), nullable=True),
    Column("expiry_alerted_at", DateTime(timezone=True), nullable=True),
    Column("expired_at", DateTime(timezone=True), nullable=True),
)
_C = TABLE.c
MISSED = (
    _C.status == MessageStatus.PUBLISHED.value,
    _C.notification.in_((NotificationStatus.IMPOSSIBLE.value, NotificationStatus.FAILED.value)),
)
Index("messages_v2_newest", _C.sent_at, _C.message_id)
Index("messages_v2_inbox", _C.mailbox_id, _C.sent_at, _C.message_id)
Index("messages_v2_sender", _C.sender_id, _C.sent_at, _C.message_id)
Index("messages_v2_missed", _C.jurisdiction, _C.published_at, postgresql_where=MISSED[0] & MISSED[1])


def _sent(recorded: Recorded[MessageSent]) -> Iterable[Effect]:
    event = recorded.event
    payment = event.payment
    yield Put(
        (recorded.aggregate_id,),
        {
            "mailbox_id": event.mailbox_id,
            "owner_kind": event.owner_kind.value,
            "jurisdiction": event.jurisdiction.value,
            "sender_id": event.sender_id,
            "sender_type": event.sender_type,
            "on_behalf_of": event.on_behalf_of,
            "message_type": event.message_type.value,
            "subject": event.subject,
            "channel": event.channel.value,
            "channel_reason": event.reason.value,
            "status": MessageStatus.ON_PAPER.value,
            "notification": "",
            "notification_code": "",
            "attachment_count": len(event.contents),
            "requires_payment": event.requires_payment,
            "amount_cents": payment.amount_cents if payment else None,
            "currency": payment.currency if payment else "",
            "payment_reference": payment.reference if payment else "",
            "notification_only": event.notification_only,
            "reply_allowed": event.reply_allowed,
            "in_reply_to": event.in_reply_to,
            "reply_message_id": "",
            "sent_at": recorded.context.effective_at,
            "published_at": None,
            "notified_at": None,
            "first_opened_at": None,
            "confirmed_at": None,
            "replied_at": None,
            "expires_at": event.expires_at,
            "expiry_alerted_at": None,
            "expired_at": None,
        },
    )


def _published(recorded: Recorded[MessagePublished]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {
            "status": MessageStatus.PUBLISHED.value,
            "notification": NotificationStatus.PENDING.value,
            "published_at": recorded.event.publication.published_at,
        },
    )


def _notification_impossible(recorded: Recorded[MessageNotificationImpossible]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"notification": NotificationStatus.IMPOSSIBLE.value, "notification_code": recorded.event.reason.value},
    )


def _notified(recorded: Recorded[MessageNotified]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {
            "notification": NotificationStatus.NOTIFIED.value,
            "notification_code": "",
            "notified_at": recorded.context.effective_at,
        },
    )


def _notification_failed(recorded: Recorded[MessageNotificationFailed]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"notification": NotificationStatus.FAILED.value, "notification_code": recorded.event.code},
    )


def _opened(recorded: Recorded[MessageOpened]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"status": MessageStatus.OPENED.value, "first_opened_at": recorded.context.effective_at},
    )


def _confirmed(recorded: Recorded[MessageConfirmed]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"status": MessageStatus.CONFIRMED.value, "confirmed_at": recorded.context.effective_at},
    )


def _replied(recorded: Recorded[MessageReplied]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"reply_message_id": recorded.event.reply_message_id, "replied_at": recorded.context.effective_at},
    )


def _expiry_alerted(recorded: Recorded[MessageExpiryAlerted]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"expiry_alerted_at": recorded.context.effective_at})


def _expired(recorded: Recorded[MessageExpired]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {"status": MessageStatus.EXPIRED.value, "expired_at": recorded.context.effective_at},
    )


PROJECTION = Projection(
    name="messages",
    version=2,
    table=TABLE,
    rules={
        MessageSent: _sent,
        MessagePublished: _published,
        MessageNotificationImpossible: _notification_impossible,
        MessageNotified: _notified,
        MessageNotificationFailed: _notification_failed,
        MessageOpened: _opened,
        MessageConfirmed: _confirmed,
        MessageReplied: _replied,
        MessageExpiryAlerted: _expiry_alerted,
        MessageExpired: _expired,
    },
)
