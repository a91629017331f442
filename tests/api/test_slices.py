"""A long answer is completed in slices: it keeps nobody waiting, and is the same as in one piece."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

import pytest

from api.graph.queries.slices import Slices
from api.web.door_bounds import BOUNDS
from projections import messages, organisations
from tests.api.world.graph import graph_over

DOCUMENT = """{
    messages(first: 100) {
        totalCount edges { cursor node { id status sender { id nameNl } timeline { version } } }
    }
    again: messages(last: 7) { pageInfo { endCursor } edges { node { id wrong: sender { id } } } }
    organisations { edges { node { id } } }
}"""


def test_the_answer_is_the_same_as_in_one_piece(read_models_url: str) -> None:
    in_pieces = replace(BOUNDS, free_objects=0, slice_s=0.0)
    with graph_over(read_models_url) as whole, graph_over(read_models_url, bounds=in_pieces) as sliced:
        whole.have(organisations.Row.table, *({"organisation_id": f"org-{n}", "name_nl": f"Org {n}"} for n in range(9)))
        whole.have(messages.Row.table, *({"message_id": f"m-{n}", "sender_id": f"org-{n % 12}"} for n in range(90)))
        answers = [graph.asks(DOCUMENT) for graph in (whole, sliced)]
    assert answers[0].data == answers[1].data


@pytest.mark.anyio
async def test_between_two_slices_the_loop_serves_others() -> None:
    slices, parts, others = Slices(slice_s=0.0, free_objects=0), 50, 0
    done = asyncio.Event()

    async def other() -> None:
        nonlocal others
        while not done.is_set():
            others += 1
            await asyncio.sleep(0)

    serving = asyncio.create_task(other())
    await asyncio.gather(*(slices.wait("org-a") for _ in range(parts)))
    done.set()
    await serving
    assert others >= parts


@pytest.mark.anyio
async def test_organisations_take_turns_at_slices() -> None:
    slices, came = Slices(slice_s=0.0, free_objects=0), list[str]()

    async def part(organisation_id: str) -> None:
        await slices.wait(organisation_id)
        came.append(organisation_id)

    await asyncio.gather(*(part("org-a") for _ in range(50)), *(part("org-b") for _ in range(5)))
    assert Counter(came[:15])["org-b"] == 5


@pytest.mark.anyio
async def test_what_fits_into_a_slice_does_not_wait() -> None:
    slices = Slices(slice_s=60.0, free_objects=0)
    began = time.perf_counter()
    await slices.wait("org-a")
    assert not slices.over
    for _ in range(100_000):
        await slices.wait("org-b")
    assert time.perf_counter() - began < 60
