"""The follower of docs/followers.md, stock code of the eventsourcing library, runs in the engine like a reactor."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.ports import Append
from domain.consent import ConsentGranted
from domain.reactors import AddFollower, PauseReactor, RemoveFollower, ResumeReactor, SkipWaitingEvent
from infrastructure.reactors.library_followers import FollowerUnusableError, make_tables
from infrastructure.reactors.status import reactors_progress, waiting_events
from infrastructure.read_models.reading import ReadModels
from tests.infrastructure.erasing import AT, CONTEXT, LIMITS, Site, running, site
from tests.infrastructure.examples import example
from tests.waiting import until

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "followers.md"
REFERENCE = "consent_counts:ConsentCounts"
ACT: Mapping[str, Any] = {
    "at": AT,
    "by": "platform",
    "reactor": "consent-counts",
    "why": "asked for by the department of statistics",
    "known": True,
}
FAST = replace(LIMITS, check_interval_s=0.05)


@pytest.fixture(autouse=True)
def _module(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the module of the page where it can be imported."""
    (text,) = re.findall(
        r"^`consent_counts.py`\n```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    folder = tmp_path_factory.mktemp("agency")
    (folder / "consent_counts.py").write_text(text)
    # Topics are registered once in a process: the module stays imported.
    if "consent_counts" not in sys.modules:
        monkeypatch.syspath_prepend(folder)


@pytest.fixture
async def here(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(database_url, keys_url, tmp_path) as opened:
        yield opened


async def consent(here: Site, person_id: str, provider_id: str) -> None:
    event = replace(example(ConsentGranted), person_id=person_id, provider_id=provider_id)
    stream = f"consent-{person_id}-{provider_id}"
    await here.log.append([Append(stream=stream, events=[event], expected={stream: 0}, context=CONTEXT)])


def counts(here: Site) -> Mapping[str, int]:
    with psycopg.connect(here.url) as connection:
        return dict(connection.execute("SELECT provider_id, people FROM eventsourcing.consent_count").fetchall())


async def test_the_follower_of_the_page_is_added_runs_and_goes_on_where_it_was(here: Site) -> None:
    make_tables(REFERENCE, here.url, "kroniek_writer")
    await consent(here, "ann", "post")
    async with running(here.engine(limits=FAST)):
        await here.do(AddFollower(**ACT, follower=REFERENCE))
        await until(lambda: counts(here) == {"post": 1}, "it does not count")
        await here.do(PauseReactor(**ACT))
        await until(lambda: status(here, "pause"), "it is not paused")
        await consent(here, "bob", "post")
    async with running(here.engine(limits=FAST)):
        await here.do(ResumeReactor(**ACT))
        await until(lambda: counts(here) == {"post": 2}, "it does not go on")
        await here.do(RemoveFollower(**ACT))

        async def is_gone() -> bool:
            return not await status(here, "name")

        await until(is_gone, "it is not removed")
        await consent(here, "cem", "post")
    assert counts(here) == {"post": 2}


async def test_an_event_that_a_follower_cannot_process_waits_and_can_be_skipped(here: Site) -> None:
    make_tables(REFERENCE, here.url, "kroniek_writer")
    await here.do(AddFollower(**ACT, follower=REFERENCE))
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE eventsourcing.consent_count ADD CHECK (provider_id <> 'bad')")
    for person_id, provider_id in (("ann", "good"), ("bob", "bad"), ("cem", "good")):
        await consent(here, person_id, provider_id)
    async with running(here.engine(limits=FAST)):
        await until(lambda: status(here, "waiting_events"), "it does not fail")
        (waiting,) = await waited(here)
        assert (waiting.position, waiting.name) == (3, "consent.granted.v1")
        assert counts(here) == {"good": 1}
        await here.do(SkipWaitingEvent(**ACT, event_position=3, waiting=True))
        await until(lambda: counts(here) == {"good": 2}, "it does not go on")

        async def is_well() -> bool:
            return not await status(here, "waiting_events")

        await until(is_well, "the event still waits")


async def test_what_waits_is_known_to_the_process_that_takes_over(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be imported waits at the beginning of the log."""
    make_tables(REFERENCE, here.url, "kroniek_writer")
    await here.do(AddFollower(**ACT, follower=REFERENCE))
    await consent(here, "ann", "post")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "consent_counts", None)
        async with running(here.engine(limits=FAST)):
            await until(lambda: status(here, "waiting_events"), "it does not fail")
    (waiting,) = await waited(here)
    assert (waiting.position, waiting.error) == (0, f"{REFERENCE} cannot be imported")
    async with running(here.engine(limits=FAST)):

        async def is_well() -> bool:
            return not await status(here, "waiting_events")

        await until(is_well, "it still waits")
    assert counts(here) == {"post": 1}


@pytest.mark.parametrize("reference", ["consent_counts:Nothing", "no_such_module:X", "consent_counts:Counts"])
async def test_what_is_no_follower_is_refused_with_a_sentence(here: Site, reference: str) -> None:
    with pytest.raises(FollowerUnusableError, match=reference):
        make_tables(reference, here.url, "kroniek_writer")


async def status(here: Site, field: str) -> Any:
    """Return a field of the follower as operators see it; None if there is no such follower."""
    reads = ReadModels(here.url, [])
    try:
        every = await reactors_progress(reads.engine)
    finally:
        await reads.aclose()
    return next((getattr(it, field) for it in every if it.name == ACT["reactor"]), None)


async def waited(here: Site) -> Any:
    reads = ReadModels(here.url, [])
    try:
        return await waiting_events(reads.engine, ACT["reactor"])
    finally:
        await reads.aclose()
