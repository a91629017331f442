"""Deadlines of the mailbox: messages that are about to expire, and that expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from domain.kernel import Recorded
from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ExpireMessage,
    MessageExpired,
    MessageExpiryAlerted,
    MessageSent,
)
from domain.mailbox.values import MessageChannel
from projections.deadlines.deadline import Deadline, Pending

ALERTED_BEFORE = timedelta(days=7)
"""How long before its expiry a message is alerted of; one that expires sooner has no alert."""


def _alert(recorded: Recorded[MessageSent]) -> Iterator[Pending]:
    event = recorded.event
    if event.expires_at is not None and event.channel != MessageChannel.PAPER:
        due_at = event.expires_at - ALERTED_BEFORE
        if due_at > recorded.context.effective_at:
            yield Pending(due_at=due_at, organisation_id=event.sender_id, counterparty_id=event.on_behalf_of)


def _expiry(recorded: Recorded[MessageSent]) -> Iterator[Pending]:
    event = recorded.event
    if event.expires_at is not None and event.channel != MessageChannel.PAPER:
        yield Pending(due_at=event.expires_at, organisation_id=event.sender_id, counterparty_id=event.on_behalf_of)


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind="message-expiry-alert",
        command=AlertMessageExpiry,
        why="A message expires within a week.",
        begins={MessageSent: _alert},
        ends=(MessageExpiryAlerted, MessageExpired),
    ),
    Deadline(
        kind="message-expiry",
        command=ExpireMessage,
        why="A message expires.",
        begins={MessageSent: _expiry},
        ends=(MessageExpired,),
    ),
)
