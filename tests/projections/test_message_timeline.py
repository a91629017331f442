"""The timeline of a message: one row for each event, with when, by whom and the telling detail."""

from __future__ import annotations

from domain.mailbox.message.rules import MESSAGE
from projections.message_timeline import READ_MODEL
from tests.domain.letters import (
    ALERTED,
    AT,
    CONFIRMED,
    EXPIRED,
    FAILED,
    IMPOSSIBLE,
    NOTIFIED,
    OPENED,
    PUBLISHED,
    REPLIED,
    SENT,
)
from tests.projections.story import recorded, rows

HISTORY = [SENT, PUBLISHED, IMPOSSIBLE, FAILED, NOTIFIED, OPENED, CONFIRMED, REPLIED, ALERTED, EXPIRED]
RECORDED = [
    recorded(event, AT, stream="message-1", version=version, organisation_id="provider-1", mandate_id="mandate-1")
    for version, event in enumerate(HISTORY, start=1)
]


def test_every_event_of_a_message_is_a_row_of_its_timeline() -> None:
    assert set(READ_MODEL.rules) == set(MESSAGE.events.values())
    happenings = [(row["happening"], row["detail"]) for row in rows(READ_MODEL, RECORDED).values()]
    assert happenings == [
        ("sent", "consent"),
        ("published", "digital"),
        ("notification_impossible", "no_verified_address"),
        ("notification_failed", "smtp-550"),
        ("notified", ""),
        ("opened", ""),
        ("confirmed", ""),
        ("replied", "message-2"),
        ("expiry_alerted", "2022-02-01T09:00:00+00:00"),
        ("expired", ""),
    ]


def test_a_row_says_when_and_by_which_organisation_under_which_mandate() -> None:
    row = rows(READ_MODEL, RECORDED)["1", 6]
    assert (row["happened_at"], row["organisation_id"], row["mandate_id"]) == (AT, "provider-1", "mandate-1")
