"""Mailboxes of persons and enterprises, and the messages that organisations send to them."""

from __future__ import annotations

from typing import Any

from domain.kernel import Decider
from domain.mailbox.mailbox import MAILBOX
from domain.mailbox.message.rules import MESSAGE

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (MAILBOX, MESSAGE)
