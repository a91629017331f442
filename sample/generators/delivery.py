"""The course of a published message: notified, opened, confirmed, answered, expired."""

from __future__ import annotations

from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ConfirmMessage,
    ExpireMessage,
    OpenMessage,
    RecordNotification,
    ReplyToMessage,
    SendMessage,
)
from domain.mailbox.values import NotificationOutcome
from sample import civil
from sample.chance import Chance
from sample.generators.letters import Letters
from sample.generators.world import PLATFORM, SampleOrganisation, SampleRecipient, World

_REPORTED_PCT = 12
"""The notifications whose outcome the mailbox provider reports."""

_FAILED_PCT = 6
_CODES = ("mailbox-full", "unknown-address", "smtp-550", "sms-undeliverable")
_CONFIRMED_PCT = 2
_REPLY_ALLOWED_PCT = 3
_EXPIRES_PCT = 1
_EXPIRES_AFTER = 200 * civil.DAY
_ALERT_BEFORE = 30 * civil.DAY

NEVER, WITHIN_3_WEEKS, WITHIN_6_WEEKS, LATER = range(4)


class Delivery:
    """Sends letters and schedules what their recipients do with them."""

    def __init__(self, world: World, rng: Chance, letters: Letters) -> None:
        self._world = world
        self._add = world.schedule.add
        self._rng = rng
        self._letters = letters

    def send(
        self, at: int, sender: SampleOrganisation, recipient: SampleRecipient, opening: int, **fields: object
    ) -> None:
        """Send a digital message to a person; `opening` says after how long it is opened."""
        rng, message_id = self._rng, self._world.id()
        replies = rng.happens(_REPLY_ALLOWED_PCT)
        if replies:
            fields["reply_allowed"] = True
        if opening == NEVER and rng.happens(_EXPIRES_PCT):
            self._expire(at, message_id, fields)
        self._add(at, SendMessage, sender.id, message_id=message_id, mailbox_id=recipient.person.id, **fields)
        if recipient.verified and rng.happens(_REPORTED_PCT):
            self._report(at, message_id, recipient.provider_id)
        if opening:
            self._read(at + time_unread(opening, rng), message_id, recipient, replies=replies)

    def _read(self, at: int, message_id: str, recipient: SampleRecipient, *, replies: bool) -> None:
        by, read = recipient.provider_id, {"message_id": message_id, "person_id": recipient.person.id}
        self._add(at, OpenMessage, by, **read)
        if self._rng.happens(_CONFIRMED_PCT):
            self._add(at + civil.MINUTE, ConfirmMessage, by, **read)
        if replies and self._rng.randrange(3) == 0:
            reply_id, contents = self._world.id(), self._letters.contents()
            self._add(at + 20 * civil.MINUTE, ReplyToMessage, by, **read, reply_message_id=reply_id, contents=contents)

    def _report(self, at: int, message_id: str, provider_id: str) -> None:
        failed = self._rng.happens(_FAILED_PCT)
        self._add(
            at + 30 * civil.SECOND,
            RecordNotification,
            provider_id,
            message_id=message_id,
            outcome=NotificationOutcome.FAILED if failed else NotificationOutcome.NOTIFIED,
            code=self._rng.choice(_CODES) if failed else "",
        )

    def _expire(self, at: int, message_id: str, fields: dict[str, object]) -> None:
        expires = at + _EXPIRES_AFTER
        fields["expires_at"] = civil.as_datetime(expires)
        self._add(expires - _ALERT_BEFORE, AlertMessageExpiry, PLATFORM, message_id=message_id)
        self._add(expires + civil.HOUR, ExpireMessage, PLATFORM, message_id=message_id)


def time_unread(opening: int, rng: Chance) -> int:
    """Return how long a message stays unread: whole days and some hours, safely within its window or after it."""
    if opening == WITHIN_3_WEEKS:
        return int(rng.random() ** 2 * 20) * civil.DAY + civil.MINUTE + int(rng.random() * 3 * civil.HOUR)
    hours = 2 * civil.HOUR + int(rng.random() * 3 * civil.HOUR)
    if opening == WITHIN_6_WEEKS:
        return (21 + int(rng.random() * 20)) * civil.DAY + hours
    return (42 + int(rng.random() * 100)) * civil.DAY + hours
