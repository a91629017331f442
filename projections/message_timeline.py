"""What happened to each message and when: one row for each event of its stream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Text

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
)
from projections.effects import Effect, Projection, Put, Rule, read_table

TABLE = read_table(
    "message_timeline",
    1,
    Column("message_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("happening", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("organisation_id", Text, nullable=False),
    Column("mandate_id", Text, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
)


def _row(recorded: Recorded[Any], happening: str, detail: str = "") -> Iterable[Effect]:
    context = recorded.context
    yield Put(
        (recorded.aggregate_id, recorded.version),
        {
            "happening": happening,
            "detail": detail,
            "organisation_id": context.organisation_id,
            "mandate_id": context.mandate_id,
            "happened_at": context.effective_at,
        },
    )


def _sent(recorded: Recorded[MessageSent]) -> Iterable[Effect]:
    return _row(recorded, "sent", recorded.event.reason.value)


def _published(recorded: Recorded[MessagePublished]) -> Iterable[Effect]:
    return _row(recorded, "published", recorded.event.channel.value)


def _notification_impossible(recorded: Recorded[MessageNotificationImpossible]) -> Iterable[Effect]:
    return _row(recorded, "notification_impossible", recorded.event.reason.value)


def _notification_failed(recorded: Recorded[MessageNotificationFailed]) -> Iterable[Effect]:
    return _row(recorded, "notification_failed", recorded.event.code)


def _replied(recorded: Recorded[MessageReplied]) -> Iterable[Effect]:
    return _row(recorded, "replied", recorded.event.reply_message_id)


def _expiry_alerted(recorded: Recorded[MessageExpiryAlerted]) -> Iterable[Effect]:
    return _row(recorded, "expiry_alerted", recorded.event.expires_at.astimezone(UTC).isoformat())


def _happened(happening: str) -> Rule:
    def rule(recorded: Recorded[Any]) -> Iterable[Effect]:
        return _row(recorded, happening)

    return rule


PROJECTION = Projection(
    name="message_timeline",
    version=1,
    table=TABLE,
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
)
