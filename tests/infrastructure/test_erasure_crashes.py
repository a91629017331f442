"""Whatever ends the eraser, at whichever step of an erasure: in the end the key is gone and each fact recorded once.

Time after time at each step in this process, and at each step with a process of its own that is killed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from tests.check_digits import national_number
from tests.forked import forked
from tests.infrastructure.erasing import STEPS, Crash, CrashError, Site, erase_until_killed, running, site
from tests.lengths import runs_longer, sized
from tests.waiting import until

pytestmark = [pytest.mark.anyio, runs_longer]

TIMES = sized(4, long=50)
KILLS = sized(1, long=3)
ENDS_WITHIN_S = 30
_serials = count(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def here(module_database_url: str, module_keys_url: str, folder: Path) -> AsyncIterator[Site]:
    """A site that all tests share, each with people of its own."""
    async with site(module_database_url, module_keys_url, folder) as opened:
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
            async with asyncio.timeout(ENDS_WITHIN_S):
                await here.engine(crash).run()
        async with running(here.engine()):
            await until(lambda: here.erased(person_id), f"not erased after a crash {step}")  # noqa: B023 - awaited here
            # A shredding that takes long waits behind the checkpoint, also where it was recorded before the crash.
            await until(lambda: here.waiting() == 0, "something waits")
        await here.must_be_erased_once(person_id, number)
    assert here.waiting() == 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_killed_process_at_any_step(
    here: Site, step: str, module_database_url: str, module_keys_url: str, folder: Path
) -> None:
    for _ in range(KILLS):
        person_id, number = await somebody_to_erase(here)
        arguments = (module_database_url, module_keys_url, str(folder), step)
        code = forked(erase_until_killed, *arguments, within_s=ENDS_WITHIN_S)
        assert code == -signal.SIGKILL
        async with running(here.engine()):
            await until(lambda: here.erased(person_id), f"not erased after a kill {step}")  # noqa: B023 - awaited here
            await until(lambda: here.waiting() == 0, "something waits")
        await here.must_be_erased_once(person_id, number)
    assert here.waiting() == 0
