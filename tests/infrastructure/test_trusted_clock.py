"""The time by which deadlines fall due: of two clocks the earlier, and a jump forward is reported before it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infrastructure.deadlines.trusted_clock import ClockReading, TrustedClock

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


class Clocks:
    """Two clocks and the seconds that pass; each clock can be set."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.platform_s = 0.0
        self.database_s = 0.0
        self.trusted = TrustedClock(hold_s=60)

    def read(self, after_s: float = 0.0) -> float:
        """Read both after some seconds; return the trusted time, in seconds since the beginning."""
        self.passed_s += after_s
        reading = ClockReading(
            platform_at=BEGAN + timedelta(seconds=self.passed_s + self.platform_s),
            database_at=BEGAN + timedelta(seconds=self.passed_s + self.database_s),
            monotonic_s=1_000 + self.passed_s,
        )
        return (self.trusted.read(reading) - BEGAN).total_seconds()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_clocks_that_agree_are_believed(clocks: Clocks) -> None:
    assert [clocks.read(), clocks.read(1), clocks.read(3_600)] == [0, 1, 3_601]
    assert clocks.trusted.status.ahead_s == clocks.trusted.status.jumped_s == 0
    clocks.platform_s = -2
    assert clocks.read(1) == 3_600, "of two clocks that differ a little, the earlier one"
    assert not clocks.trusted.status.apart


@pytest.mark.parametrize("ahead_s", [300.0, -300.0])
def test_a_clock_that_is_five_minutes_apart_is_reported_and_is_no_jump_when_it_is_set_right(
    clocks: Clocks, ahead_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    clocks.platform_s = ahead_s
    assert [clocks.read(), clocks.read(10)] == [0, 10]
    assert (clocks.trusted.status.ahead_s, clocks.trusted.status.apart) == (ahead_s, True)
    clocks.platform_s = 0
    assert clocks.read(1) == 11
    status = clocks.trusted.status
    assert (status.apart, status.jumped_s, status.waits) == (False, 0, False)
    assert capsys.readouterr().out.count("clocks_differ") == 1


def test_a_clock_that_jumps_ahead_of_the_other_lets_nothing_fall_due(clocks: Clocks) -> None:
    clocks.read()
    clocks.platform_s = 3_600
    assert clocks.read(1) == 1
    assert clocks.trusted.status.ahead_s == 3_600


def test_clocks_that_jump_forward_one_after_the_other_are_reported(clocks: Clocks) -> None:
    clocks.read()
    clocks.platform_s = 3_600
    assert clocks.read(1) == 1
    clocks.database_s = 3_600
    assert clocks.read(1) == 2
    assert clocks.trusted.status.waits


def test_clocks_that_jump_forward_together_count_after_a_while(
    clocks: Clocks, capsys: pytest.CaptureFixture[str]
) -> None:
    clocks.read()
    clocks.platform_s = clocks.database_s = 3_600
    assert [clocks.read(1), clocks.read(30)] == [1, 31]
    status = clocks.trusted.status
    assert (round(status.jumped_s), status.waits) == (3_600, True)
    assert clocks.read(31) == 3_662
    assert not clocks.trusted.status.waits
    assert [clocks.read(1), clocks.trusted.status.jumped_s] == [3_663, 3_600]
    told = capsys.readouterr().out
    assert (told.count("clock_jumped"), told.count("clock_jump_accepted")) == (1, 1)


def test_a_jump_that_is_set_right_in_time_did_nothing(clocks: Clocks) -> None:
    clocks.read()
    clocks.platform_s = clocks.database_s = 3_600
    assert clocks.read(1) == 1
    clocks.platform_s = clocks.database_s = 0
    assert clocks.read(1) == 2
    assert not clocks.trusted.status.waits


def test_clocks_that_step_back_are_believed_and_reported(clocks: Clocks) -> None:
    clocks.read(7_200)
    clocks.platform_s = clocks.database_s = -3_600
    assert clocks.read(1) == 3_601
    assert (round(clocks.trusted.status.jumped_s), clocks.trusted.status.waits) == (-3_600, False)
    assert clocks.read(3_601) == 7_202
    assert clocks.trusted.status.jumped_s == 0, "a jump is shown for an hour"
