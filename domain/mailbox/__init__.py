"""Mailboxes of persons and enterprises, and the messages that organisations send to them."""

from __future__ import annotations

from domain.mailbox.mailbox import MAILBOX
from domain.mailbox.message.rules import MESSAGE

DECIDERS = (MAILBOX, MESSAGE)
