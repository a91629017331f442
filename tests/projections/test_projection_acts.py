"""Projection acts: one row for each, and what the worker asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.kernel import Context, Recorded
from domain.operation import OPERATION
from projections.projection_acts import READ_MODEL, ProjectionActKind, acts_after, paused
from tests.domain.test_operation import AT, PAUSED, REQUESTS, RESUMED, RETRIED, SKIPPED, WHY
from tests.projections.story import Ask, rows, values

FIRST = 101


def log(*events: Any) -> list[Recorded[Any]]:
    """Record acts on any projections, one a minute."""
    return [_recorded(event, minute) for minute, event in enumerate(events)]


def _recorded(event: Any, minute: int) -> Recorded[Any]:
    at = AT + timedelta(minutes=minute)
    return Recorded(
        position=FIRST + minute,
        stream=OPERATION.stream(event.projection),
        version=minute + 1,
        event=event,
        context=Context(acting_id="official-7", organisation_id="platform", effective_at=at),
        recorded_at=at,
    )


def on(projection: str, *events: Any) -> Sequence[Any]:
    return [replace(event, projection=projection) for event in events]


def test_an_act_has_a_row_with_who_and_why() -> None:
    assert rows(READ_MODEL, log(PAUSED)) == {
        (FIRST,): {
            "projection": "bus_counts",
            "act": "pause",
            "event_position": 0,
            "why": WHY,
            "acting_id": "official-7",
            "organisation_id": "platform",
            "acted_at": AT,
        }
    }


def test_every_act_is_told_from_the_others() -> None:
    every = [event for _, event in REQUESTS] + [PAUSED, RESUMED, SKIPPED]
    found = [row["act"] for row in rows(READ_MODEL, log(*every)).values()]
    assert found == ["rebuild", "cancel", "verify", "undo", "drop", "retry", "pause", "resume", "skip"]
    assert set(found) == {act.value for act in ProjectionActKind}
    assert {type(event) for event in every} == set(READ_MODEL.rules) == set(OPERATION.events.values())


def test_what_is_about_one_event_names_it() -> None:
    about = rows(READ_MODEL, log(RETRIED, replace(RETRIED, event_position=5), SKIPPED))
    assert [row["event_position"] for row in about.values()] == [0, 5, 4711]


def test_acts_are_read_in_their_order_from_a_position_on(ask: Ask) -> None:
    acts = log(PAUSED, RESUMED, RETRIED, SKIPPED)
    pages = [ask(READ_MODEL, acts_after(position, 2), acts) for position in (0, 101, 102, 103, 104)]
    read = [[row["act"] for row in page] for page in pages]
    assert read == [["pause", "resume"], ["resume", "retry"], ["retry", "skip"], ["skip"], []]


def test_a_projection_is_paused_until_it_is_resumed(ask: Ask) -> None:
    acts = log(
        *on("consents", PAUSED, RETRIED),
        *on("people", PAUSED, RESUMED),
        *on("keys", PAUSED, RESUMED, replace(PAUSED, why="once more"), SKIPPED),
    )
    assert values(ask(READ_MODEL, paused(), acts)) == [
        ("consents", WHY, "official-7", AT),
        ("keys", "once more", "official-7", AT + timedelta(minutes=6)),
    ]
