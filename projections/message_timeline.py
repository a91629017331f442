"""What happened to each message and when: one row for each event of its stream."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.kernel import Recorded
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
)
from projections import messages
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, Rule, put
from projections.row_security import Seen


class Row(RowBase):
    message_id: Key[str]
    version: Key[int]
    happening: Col[str]
    detail: Col[str]
    organisation_id: Col[str]
    mandate_id: Col[str]
    happened_at: Col[datetime]


def _row(recorded: Recorded[object], happening: str, detail: str = "") -> Effects[Row]:
    context = recorded.context
    yield put(
        Row(
            message_id=recorded.aggregate_id,
            version=recorded.version,
            happening=happening,
            detail=detail,
            organisation_id=context.organisation_id,
            mandate_id=context.mandate_id,
            happened_at=context.effective_at,
        )
    )


def _sent(recorded: Recorded[MessageSent]) -> Effects[Row]:
    return _row(recorded, "sent", recorded.event.reason)


def _published(recorded: Recorded[MessagePublished]) -> Effects[Row]:
    return _row(recorded, "published", recorded.event.channel)


def _notification_impossible(recorded: Recorded[MessageNotificationImpossible]) -> Effects[Row]:
    return _row(recorded, "notification_impossible", recorded.event.reason)


def _notification_failed(recorded: Recorded[MessageNotificationFailed]) -> Effects[Row]:
    return _row(recorded, "notification_failed", recorded.event.code)


def _replied(recorded: Recorded[MessageReplied]) -> Effects[Row]:
    return _row(recorded, "replied", recorded.event.reply_message_id)


def _expiry_alerted(recorded: Recorded[MessageExpiryAlerted]) -> Effects[Row]:
    return _row(recorded, "expiry_alerted", recorded.event.expires_at.astimezone(UTC).isoformat())


def _happened(happening: str) -> Rule[Row]:
    def rule(recorded: Recorded[object]) -> Effects[Row]:
        return _row(recorded, happening)

    return rule


READ_MODEL = ReadModel(
    name="message_timeline",
    version=1,
    row=Row,
    rules={
        MessageSent: _sent,
        MessagePublished: _published,
        MessageNotificationImpossible: _notification_impossible,
        MessageNotified: _happened("notified"),
        MessageNotificationFailed: _notification_failed,
        MessageOpened: _happened("opened"),
        MessageConfirmed: _happened("confirmed"),
        MessageReplied: _replied,
        MessageExpiryAlerted: _expiry_alerted,
        MessageExpired: _happened("expired"),
    },
    seen=Seen(through=messages.READ_MODEL, key=Row.message_id),
)
