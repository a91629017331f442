"""What happened to each message and when: one row for each event of its stream."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

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

E = TypeVar("E")


class Row(RowBase):
    message_id: Key[str]
    version: Key[int]
    happening: Col[str]
    detail: Col[str]
    organisation_id: Col[str]
    mandate_id: Col[str]
    happened_at: Col[datetime]


def _happened(event: type[E], happening: str, detail: Callable[[E], str] = lambda _: "") -> tuple[type[E], Rule[Row]]:
    """Return a class of events with its rule: one row for each, with a detail that the event tells."""

    def rule(recorded: Recorded[E]) -> Effects[Row]:
        context = recorded.context
        yield put(
            Row(
                message_id=recorded.aggregate_id,
                version=recorded.version,
                happening=happening,
                detail=detail(recorded.event),
                organisation_id=context.organisation_id,
                mandate_id=context.mandate_id,
                happened_at=context.effective_at,
            )
        )

    return event, rule


READ_MODEL = ReadModel(
    name="message_timeline",
    version=1,
    row=Row,
    rules=dict(
        (
            _happened(MessageSent, "sent", lambda event: event.reason),
            _happened(MessagePublished, "published", lambda event: event.channel),
            _happened(MessageNotificationImpossible, "notification_impossible", lambda event: event.reason),
            _happened(MessageNotified, "notified"),
            _happened(MessageNotificationFailed, "notification_failed", lambda event: event.code),
            _happened(MessageOpened, "opened"),
            _happened(MessageConfirmed, "confirmed"),
            _happened(MessageReplied, "replied", lambda event: event.reply_message_id),
            _happened(
                MessageExpiryAlerted, "expiry_alerted", lambda event: event.expires_at.astimezone(UTC).isoformat()
            ),
            _happened(MessageExpired, "expired"),
        )
    ),
    seen=Seen(through=messages.READ_MODEL, key=Row.message_id),
)
