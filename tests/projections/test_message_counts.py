"""Messages sent and delivered by month, sender and channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.kernel import Recorded
from domain.mailbox.values import MessageChannel
from projections.message_counts import READ_MODEL
from tests.domain.letters import PUBLICATION, PUBLISHED, SENT
from tests.projections.story import recorded, rows

NOVEMBER = datetime(2021, 11, 3, tzinfo=UTC)
PAPER = replace(SENT, channel=MessageChannel.PAPER)


def _digital(number: int, at: datetime) -> list[Recorded[Any]]:
    published = replace(PUBLISHED, publication=replace(PUBLICATION, published_at=at))
    stream = f"message-{number}"
    return [recorded(SENT, at, stream=stream), recorded(published, at, stream=stream, version=2)]


def _paper(number: int, at: datetime) -> list[Recorded[Any]]:
    return [recorded(PAPER, at, stream=f"message-{number}")]


def test_paper_is_sent_but_not_delivered_to_a_mailbox() -> None:
    found = rows(READ_MODEL, [*_digital(1, NOVEMBER), *_digital(2, NOVEMBER), *_paper(3, NOVEMBER)])
    assert found == {
        ("2021-11", "nl", "sender-1", "tax_administration", "digital"): {"sent": 2, "delivered": 2},
        ("2021-11", "nl", "sender-1", "tax_administration", "paper"): {"sent": 1, "delivered": 0},
    }


def test_a_month_begins_at_midnight_in_civil_time() -> None:
    first_of_december = datetime(2021, 11, 30, 23, 0, tzinfo=UTC)
    assert {key[0] for key in rows(READ_MODEL, _digital(1, first_of_december))} == {"2021-12"}
