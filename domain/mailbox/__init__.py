"""Mailboxes of persons and enterprises, and the messages that organisations send to them."""

from __future__ import annotations

from domain.kernel import AnyDecider
from domain.mailbox.mailbox import MAILBOX
from domain.mailbox.message.rules import MESSAGE

DECIDERS: tuple[AnyDecider, ...] = (MAILBOX, MESSAGE)
