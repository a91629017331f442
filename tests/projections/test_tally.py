"""A rule that is data: what it adds for an event, and which projections consist of such rules only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from projections.effects import Add
from projections.read_model import Col, Key, ReadModel, RowBase
from projections.registry import PROJECTIONS
from projections.tally import Measure, Tally, Typed, tally_of
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
    day: Key[date]
    events: Col[int]


def added(tally: Tally, event: Any, at: datetime, **where: Any) -> Add[Any]:
    (effect,) = tally(recorded(event, at, stream="door-1", **where))
    assert isinstance(effect, Add)
    return effect


def projection(**rules: Any) -> ReadModel:
    return ReadModel(name="doors", version=1, row=DoorRow, rules={type(name, (), {}): it for name, it in rules.items()})


def test_a_key_is_made_of_what_the_log_has_typed() -> None:
    tally = Tally(names=NAMES, key=(Typed.CIVIL_DAY, Typed.ORGANISATION, Typed.NAME), amounts=BOTH)
    opened = added(tally, DoorOpened(), OCTOBER, organisation_id="gent")
    shut = added(tally, DoorShut(), NOVEMBER, organisation_id="luik")
    assert opened.key == (date(2021, 10, 31), "gent", "door.opened.v1")
    assert shut.key == (date(2021, 11, 1), "luik", "door.shut.v1")


@pytest.mark.parametrize(("version", "streams"), [(1, 1), (2, 0), (700, 0)])
def test_the_first_event_of_a_stream_begins_it(version: int, streams: int) -> None:
    tally = Tally(names=NAMES, key=(Typed.NAME,), amounts=BOTH)
    expected: Add[Any] = Add(("door.opened.v1",), {"events": 1, "streams": streams})
    assert added(tally, DoorOpened(), OCTOBER, version=version) == expected


def test_an_event_that_adds_nothing_makes_its_row() -> None:
    tally = Tally(names=NAMES, key=(Typed.NAME,), amounts={"streams": Measure.STREAMS})
    assert added(tally, DoorShut(), OCTOBER, version=2) == Add(("door.shut.v1",), {"streams": 0})


def test_a_projection_is_tallied_when_its_rules_are_one_tally() -> None:
    tally = Tally(names=NAMES, key=(Typed.CIVIL_DAY,), amounts={"events": Measure.EVENTS})
    assert projection(Opened=tally, Shut=tally).tallied
    assert tally_of(projection(Opened=tally, Shut=tally)) is tally
    mixed = projection(Opened=tally, Shut=lambda _recorded: ())
    assert not mixed.tallied
    for other in (mixed, projection(Opened=tally, Shut=Tally(names=NAMES, key=(), amounts={}))):
        with pytest.raises(TypeError, match="the rules of doors are not one tally"):
            tally_of(other)


def test_daily_counts_are_tallied() -> None:
    assert [projection.name for projection in PROJECTIONS if projection.tallied] == ["daily_counts"]
