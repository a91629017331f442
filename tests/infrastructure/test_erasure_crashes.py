"""Whatever ends the keeper, at whichever step of an erasure: in the end the key is gone and each fact recorded once.

Time after time at each step in this process, and at each step with a process of its own that is killed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.api.numbers import national_number
from tests.infrastructure.erasing import STEPS, Crash, CrashError, Site, kept, site
from tests.lengths import runs_longer, sized
from tests.waiting import until

pytestmark = [pytest.mark.anyio, runs_longer]

TIMES = sized(4, long=50)
KILLS = sized(1, long=3)
ENDS_WITHIN_S = 30
_serials = count(1)


@pytest.fixture
async def here(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(database_url, keys_url, tmp_path) as opened:
        yield opened


async def somebody_to_erase(here: Site) -> tuple[str, str]:
    serial = next(_serials)
    person_id, number = f"person-{serial}", national_number(serial)
    await here.register(person_id, number)
    assert await here.number_of(person_id) == number
    await here.order_erasure(person_id)
    return person_id, number


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_time_after_time(here: Site, step: str) -> None:
    for _ in range(TIMES):
        person_id, number = await somebody_to_erase(here)
        crash = Crash(step)
        with pytest.raises(CrashError):
            await here.keeper(crash).run()
        async with kept(here.keeper()):
            await until(lambda: here.erased(person_id), f"not erased after a crash {step}")  # noqa: B023 - awaited here
        await here.must_be_erased_once(person_id, number)
    assert here.waiting() == 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_killed_process_at_any_step(
    here: Site, step: str, database_url: str, keys_url: str, tmp_path: Path
) -> None:
    for _ in range(KILLS):
        person_id, number = await somebody_to_erase(here)
        command = [sys.executable, "-m", "tests.infrastructure.erasing", database_url, keys_url, str(tmp_path), step]
        assert subprocess.run(command, timeout=ENDS_WITHIN_S, check=False).returncode == -9  # noqa: ASYNC221 - alone
        async with kept(here.keeper()):
            await until(lambda: here.erased(person_id), f"not erased after a kill {step}")  # noqa: B023 - awaited here
        await here.must_be_erased_once(person_id, number)
    assert here.waiting() == 0
