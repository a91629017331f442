"""What every run shares: writers at work before anything happens to them, and the check when they have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from tests.torture.check import LogCheck
from tests.torture.fleet import Fleet

LOADED_WITHIN_S = 120
TELLINGS = 40
"""How often a run tells how far it is."""

_PAUSE_S = 0.01

Progress: TypeAlias = Callable[[str], None]


@contextmanager
def loaded(fleet: Fleet) -> Iterator[Fleet]:
    """Start the writers, and go on when the log has acknowledged something."""
    with fleet:
        wait_for_more(fleet)
        yield fleet


def wait_for_more(fleet: Fleet) -> None:
    """Wait until the log has acknowledged more than it has now: it goes on, and is under load."""
    before, deadline = fleet.notes.wishes, time.monotonic() + LOADED_WITHIN_S
    while fleet.notes.wishes == before:
        fleet.alive()
        assert time.monotonic() < deadline, f"nothing was acknowledged for {LOADED_WITHIN_S} s"
        time.sleep(_PAUSE_S)


def finish(fleet: Fleet, check: LogCheck, url: str) -> LogCheck:
    """Stop the writers; check what is new and then the whole log once more, and return all that was found."""
    fleet.stop()
    check.go_on(url)
    again = check.everything(url)
    again.wounds |= check.wounds
    again.examples = [*check.examples, *again.examples]
    return again


def tell(progress: Progress, what: str, number: int, times: int, check: LogCheck) -> None:
    if number % max(times // TELLINGS, 1) == 0 or check.wounds:
        found = "; ".join(check.examples) or "nothing wrong"
        progress(f"{what} {number} of {times} times, {check.events} events: {found}")
