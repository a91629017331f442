"""A rule that is data: what it adds for an event, and which projections consist of such rules only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from projections.effects import Add
from projections.read_model import Col, Key, ReadModel, RowBase
from projections.registry import PROJECTIONS
from projections.tally import Constant, Measure, StoredName, Tally, Typed, tallies
from tests.projections.story import recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorOpened:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorShut:
    pass


OCTOBER = datetime(2021, 10, 31, 22, 59, 59, tzinfo=UTC)
NOVEMBER = datetime(2021, 10, 31, 23, 0, tzinfo=UTC)  # midnight in Brussels, in winter time
NAMES: dict[type, str] = {DoorOpened: "door.opened.v1", DoorShut: "door.shut.v1"}
BOTH = {"events": Measure.EVENTS, "streams": Measure.STREAMS}


class DoorRow(RowBase):
    day: Key[str]
    events: Col[int]


def added(tally: Tally, event: Any, at: datetime, **where: Any) -> Add[Any]:
    (effect,) = tally(recorded(event, at, stream="door-1", **where))
    assert isinstance(effect, Add)
    return effect


def projection(**rules: Any) -> ReadModel:
    return ReadModel(name="doors", version=1, row=DoorRow, rules={type(name, (), {}): it for name, it in rules.items()})


def test_a_key_is_made_of_what_the_log_has_typed() -> None:
    tally = Tally(
        key=(
            Typed.CIVIL_DAY,
            Typed.CIVIL_MONTH,
            Typed.ORGANISATION,
            Typed.ACTIVITY,
            StoredName(NAMES),
            Constant("hall"),
        ),
        amounts=BOTH,
    )
    who = {"organisation_id": "gent", "activity": "access"}
    assert added(tally, DoorOpened(), OCTOBER, **who).key == (
        date(2021, 10, 31), "2021-10", "gent", "access", "door.opened.v1", "hall"
    )  # fmt: skip
    assert added(tally, DoorShut(), NOVEMBER, **who).key == (
        date(2021, 11, 1), "2021-11", "gent", "access", "door.shut.v1", "hall"
    )  # fmt: skip


@pytest.mark.parametrize(("version", "streams"), [(1, 1), (2, 0), (700, 0)])
def test_the_first_event_of_a_stream_begins_it(version: int, streams: int) -> None:
    tally = Tally(key=(Typed.CIVIL_MONTH,), amounts=BOTH)
    assert added(tally, DoorOpened(), OCTOBER, version=version) == Add(("2021-10",), {"events": 1, "streams": streams})


def test_an_event_that_adds_nothing_makes_its_row() -> None:
    tally = Tally(key=(Constant("all"),), amounts={"streams": Measure.STREAMS})
    assert added(tally, DoorShut(), OCTOBER, version=2) == Add(("all",), {"streams": 0})


def test_a_projection_is_tallied_when_every_rule_is_data() -> None:
    tally = Tally(key=(Typed.CIVIL_MONTH,), amounts={"events": Measure.EVENTS})
    assert projection(Opened=tally, Shut=tally).tallied
    mixed = projection(Opened=tally, Shut=lambda _recorded: ())
    assert not mixed.tallied
    with pytest.raises(TypeError, match="the rules of doors are not all data"):
        tallies(mixed)


def test_every_tallied_read_model_has_tallies_only() -> None:
    tallied = [projection for projection in PROJECTIONS if projection.tallied]
    assert "daily_counts" in {projection.name for projection in tallied}
    for projection in tallied:
        assert tallies(projection) == projection.rules
