"""What `/health` says of deadlines and of the clock by which they fall due."""

from __future__ import annotations

import pytest

from api.health_checks.deadline_checks import DEADLINES
from application.clock_status import ClockStatus, DeadlineStatus

AGREES, BEHIND = ClockStatus(), ClockStatus(ahead_s=-300, apart=True)


@pytest.mark.parametrize(
    ("led", "clock", "status", "output"),
    [
        (False, AGREES, "warn", "no process carries out deadlines"),
        (
            *(True, BEHIND, "warn"),
            "the clock of this process is 300 s behind that of the database: it leaves deadlines to other processes",
        ),
        (
            *(False, BEHIND, "fail"),
            "no process carries out deadlines: the clock of this process is 300 s behind that of the database",
        ),
    ],
)
def test_a_clock_that_differs_is_a_failure_where_nobody_leads(
    led: bool, clock: ClockStatus, status: str, output: str
) -> None:
    (finding,) = DEADLINES.judge(DeadlineStatus(late=0, oldest_s=0, led=led, clock=clock))
    assert (finding.status, finding.output) == (status, output)


def test_nothing_is_said_where_one_leads_and_the_clocks_agree() -> None:
    assert list(DEADLINES.judge(DeadlineStatus(late=0, oldest_s=0, led=True, clock=AGREES))) == []
