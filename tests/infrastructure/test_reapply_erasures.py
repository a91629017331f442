"""After a backup of the keys was brought back, what the log says was destroyed is destroyed again, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KeyOwner
from infrastructure.reactors.erasing import reapply_erasures
from tests.check_digits import national_number
from tests.infrastructure.erasing import CODEC, Site, running, site
from tests.memory_keys import MemoryKeys
from tests.waiting import until

pytestmark = pytest.mark.anyio

ID, POST = PurposeGroup.IDENTIFICATION, PurposeGroup.CORRESPONDENCE


@pytest.fixture
async def here(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(database_url, keys_url, tmp_path) as opened:
        yield opened


async def test_keys_that_came_back_are_destroyed_again(here: Site) -> None:
    people = ("ann", "bob", "cem", "dee")
    for serial, person_id in enumerate(people):
        await here.register(person_id, national_number(serial + 1))
    async with running(here.engine()):
        for person_id in people[:3]:
            await here.order_erasure(person_id, ID)
            await until(lambda: here.erased(person_id), "not erased")  # noqa: B023 - awaited here
    brought_back = MemoryKeys()
    owners = [KeyOwner(person_id, group) for person_id in people for group in (ID, POST)]
    await brought_back.for_sealing(owners)
    heard: list[tuple[int, int]] = []
    assert await reapply_erasures(brought_back, here.url, CODEC, lambda *at: heard.append(at), batch_events=2) == 3
    left = set(await brought_back.for_sealing(owners))
    assert left == {*(KeyOwner(person_id, POST) for person_id in people), KeyOwner("dee", ID)}
    head = heard[-1][1]
    assert heard[-1] == (head, head)
    assert await reapply_erasures(brought_back, here.url, CODEC, lambda *_: None) == 3
