"""The engine of reactors: one process leads each, the order of a key is kept, and what fails holds up no other key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from application.reactor import ReactionRun, Reactor, RetryPolicy, of_person
from application.reactor_status import ReactorProgress, WaitingEvent
from domain.erasure.model import ErasureRequested, HoldGround, PlaceLegalHold
from domain.identity.person import PersonRegistered
from domain.kernel import PurposeGroup, Recorded
from domain.reactors import PauseReactor, ResumeReactor, RetryWaitingEvents, SkipWaitingEvent
from infrastructure.codec import Codec
from infrastructure.event_log.log_lookup import OtherLogError
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogUnavailableError
from infrastructure.reactors.engine import ReactorEngine
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.reaction_calls import CommandSender
from infrastructure.reactors.reactor_run import ReactorRun
from infrastructure.reactors.reactor_store import Checkpoint, ReactorStore
from infrastructure.reactors.status import reactors_progress, waiting_events
from infrastructure.read_models.reading import ReadModels
from tests.check_digits import national_number
from tests.infrastructure.erasing import AT, CODEC, LIMITS, RETRY, RULES, Site, running, site
from tests.waiting import until

pytestmark = pytest.mark.anyio

T = TypeVar("T")
ENDS_WITHIN_S = 5.0


@pytest.fixture
async def here(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(database_url, keys_url, tmp_path) as opened:
        yield opened


async def register(here: Site, *people: str) -> None:
    """Register people, whose numbers are in the order of the log."""
    head = await here.log.head()
    await asyncio.gather(
        *(here.register(person_id, national_number(head + serial)) for serial, person_id in enumerate(people, 1))
    )


class Notes:
    """A reaction that notes for which positions it was called, and fails, is slow or hangs for some people."""

    def __init__(self) -> None:
        self.called: list[int] = []
        self.failing: dict[str, Exception] = {}
        self.hanging: set[str] = set()
        self.effects: list[str] = []

    async def __call__(self, recorded: Recorded[Any], run: ReactionRun) -> None:
        self.called.append(recorded.position)
        self.effects.append(run.effect_id)
        if recorded.event.person_id in self.hanging:
            await asyncio.Event().wait()
        if (error := self.failing.get(recorded.event.person_id)) is not None:
            raise error

    def reactor(self, name: str = "notes", retry: RetryPolicy = RETRY, **further: Any) -> Reactor:
        reactions = {PersonRegistered: (self,), ErasureRequested: (self,)}
        return Reactor(name=name, reactions=reactions, key_of=of_person, retry=retry, **further)


class Stores:
    """Opens the stores of engines, and notes what they find."""

    def __init__(self) -> None:
        self.of_other_logs = 0

    def open(self, url: str, codec: Codec) -> ReactorStore:
        stores = self

        class Noting(ReactorStore):
            def begin(self, name: str, *, from_start: bool) -> Checkpoint:
                try:
                    return super().begin(name, from_start=from_start)
                except OtherLogError:
                    stores.of_other_logs += 1
                    raise

        return Noting(url, codec)


@asynccontextmanager
async def seen(here: Site) -> AsyncIterator[Status]:
    reads = ReadModels(here.url, [])
    try:
        yield Status(reads)
    finally:
        await reads.aclose()


class Status:
    """The reactor of a test as operators see it."""

    def __init__(self, reads: ReadModels) -> None:
        self._reads = reads

    async def progress(self, name: str = "notes") -> ReactorProgress | None:
        every = await reactors_progress(self._reads.engine)
        return next((it for it in every if it.name == name), None)

    async def waiting(self, name: str = "notes") -> Sequence[WaitingEvent]:
        return await waiting_events(self._reads.engine, name)

    async def is_at(self, position: int, name: str = "notes") -> bool:
        progress = await self.progress(name)
        return progress is not None and (progress.position, progress.waiting_keys) == (position, 0)


# --- Order ------------------------------------------------------------------------------------------------------------


async def test_what_fails_for_one_key_is_tried_again_in_order_and_holds_up_no_other(here: Site) -> None:
    notes = Notes()
    notes.failing["ann"] = ValueError("a text that nobody is to read")
    await register(here, "ann")  # 1
    await register(here, "bob")  # 2
    await here.order_erasure("ann", PurposeGroup.IDENTIFICATION)  # 3
    await here.order_erasure("ann", PurposeGroup.INVOICING)  # 4
    await here.order_erasure("bob")  # 5
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor()])):
        await until(lambda: 5 in notes.called and notes.called.count(1) > 2, "bob waits for ann")
        assert not {3, 4} & set(notes.called)

        async def is_saved() -> bool:
            progress = await status.progress()
            return progress is not None and progress.position == 5

        await until(is_saved, "the checkpoint waits for ann")
        progress = await status.progress()
        assert progress is not None
        assert (progress.lag_events, progress.waiting_events, progress.waiting_keys) == (0, 3, 1)
        assert progress.leader
        (waiting,) = await status.waiting()
        assert (waiting.position, waiting.key, waiting.events) == (1, "ann", 3)
        assert waiting.error.partition(" at ")[0] == "ValueError"
        del notes.failing["ann"]
        await until(lambda: status.is_at(5), "ann still waits")
    assert [it for it in notes.called if it in {3, 4}] == [3, 4]
    assert notes.called.count(5) == 1
    assert set(notes.effects) == {f"notes/{position}" for position in range(1, 6)}


async def test_a_key_that_keeps_failing_is_parked_with_what_follows(here: Site) -> None:
    notes = Notes()
    notes.failing["ann"] = ValueError()
    await register(here, "ann")
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor(retry=replace(RETRY, tries=3))])):

        async def is_parked() -> bool:
            progress = await status.progress()
            return progress is not None and progress.parked_keys == 1

        await until(is_parked, "ann is not parked")
        await register(here, "bob")
        await here.order_erasure("ann")
        await until(lambda: 2 in notes.called, "bob waits for ann")
        (waiting,) = await status.waiting()
        assert (waiting.tries, waiting.parked_at is not None) == (3, True)
    assert notes.called == [1, 1, 1, 2]


async def test_a_reaction_that_hangs_delays_its_key_only(here: Site) -> None:
    notes = Notes()
    hanging = [f"hanging-{number}" for number in range(LIMITS.keys_at_once + LIMITS.retries_at_once + 1)]
    notes.hanging.update(hanging)
    await register(here, *hanging)
    retry = replace(RETRY, timeout_s=0.5)
    limits = replace(LIMITS, slow_s=0.05)
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor(retry=retry)], limits=limits)):
        await until(lambda: len(notes.called) > len(hanging), "no hanging reaction is tried again")
        loop = asyncio.get_running_loop()
        for number in range(5):
            began = loop.time()
            await register(here, f"quick-{number}")
            position = len(hanging) + number + 1
            await until(lambda: position in notes.called, "a quick key waits")  # noqa: B023 - awaited here
            assert loop.time() - began < 1.0
        waiting = {it.key: it.error for it in await status.waiting()}
        assert waiting.keys() == set(hanging)
        notes.hanging.clear()
        await until(lambda: status.is_at(len(hanging) + 5), "they still wait")


async def test_a_slow_key_makes_room_for_others_and_goes_on(here: Site) -> None:
    entered, gate = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def slow(recorded: Recorded[Any], _run: ReactionRun) -> None:
        if recorded.event.person_id == "ann":
            entered.set()
            await gate.wait()
        done.append(recorded.position)

    reactor = replace(Notes().reactor(), reactions={PersonRegistered: (slow,), ErasureRequested: (slow,)})
    limits = replace(LIMITS, slow_s=0.02, keys_at_once=1, retries_at_once=1)
    await register(here, "ann")
    await here.order_erasure("ann")
    await register(here, "bob")
    async with seen(here) as status, running(here.engine(reactors=[reactor], limits=limits)):
        await until(entered.is_set, "ann does not begin")
        await until(lambda: done == [3], "bob waits for ann")
        gate.set()
        await until(lambda: status.is_at(3), "ann does not end")
    assert done == [3, 1, 2]


async def test_a_reaction_that_does_not_end_when_cancelled_is_not_run_beside_itself(here: Site) -> None:
    gate = asyncio.Event()
    at_once = most = calls = 0

    async def stubborn(_recorded: Recorded[Any], _run: ReactionRun) -> None:
        nonlocal at_once, most, calls
        calls += 1
        at_once += 1
        most = max(most, at_once)
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        at_once -= 1

    reactor = replace(Notes().reactor(retry=replace(RETRY, timeout_s=0.02)), reactions={PersonRegistered: (stubborn,)})
    await register(here, "ann")
    limits = replace(LIMITS, cancel_s=0.02)
    async with seen(here) as status, running(here.engine(reactors=[reactor], limits=limits)):

        async def has_failed() -> bool:
            return [it.tries for it in await status.waiting()] == [1]

        await until(has_failed, "it does not fail")
        gate.set()
        await until(lambda: status.is_at(1), "it is not tried again")
    assert (most, calls) == (1, 2)


async def test_a_reactor_comes_after_another_for_each_key(here: Site) -> None:
    first, second = Notes(), Notes()
    first.failing["ann"] = ValueError()
    await register(here, "ann")
    await register(here, "bob")
    reactors = [first.reactor("first"), second.reactor("second", after=("first",))]
    async with seen(here) as status, running(here.engine(reactors=reactors)):
        await until(lambda: second.called == [2], "bob waits for ann")
        first.failing.clear()
        await until(lambda: status.is_at(2, "second"), "ann is not reacted to")
    assert second.called == [2, 1]


# --- All keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeysUnavailableError("gone"), LogUnavailableError("gone")], ids=["keys", "log"])
async def test_a_reactor_that_can_do_nothing_for_any_key_stands_still_and_says_so(here: Site, error: Exception) -> None:
    notes = Notes()
    notes.failing["ann"] = error
    await register(here, "ann")
    await register(here, "bob")
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor()])):

        async def stands_still() -> bool:
            progress = await status.progress()
            return progress is not None and bool(progress.error)

        await until(stands_still, "it does not stand still")
        progress = await status.progress()
        assert progress is not None
        assert (progress.position, progress.error.partition(" at ")[0]) == (0, type(error).__name__)
        notes.failing.clear()
        await until(lambda: status.is_at(2), "it does not go on")

        async def is_well() -> bool:
            progress = await status.progress()
            return progress is not None and progress.error == ""

        await until(is_well, "the error stays")


async def test_a_reactor_with_too_many_waiting_keys_reads_no_further(here: Site) -> None:
    notes = Notes()
    people = [f"person-{number}" for number in range(6)]
    notes.failing = dict.fromkeys(people, ValueError())
    limits = replace(LIMITS, waiting_keys=2, batch_events=4, open_events=4)
    await register(here, *people)
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor()], limits=limits)):

        async def stands_still() -> bool:
            progress = await status.progress()
            return progress is not None and "keys wait" in progress.error

        await until(stands_still, "it reads on")
        assert set(notes.called) < set(range(1, 7))
        notes.failing.clear()
        await until(lambda: status.is_at(6), "it does not go on")


def test_each_pause_is_twice_as_long_up_to_the_longest_and_somewhat_shorter_by_chance() -> None:
    policy = RetryPolicy(first_s=1.0, max_s=10.0, jitter=0.2)
    assert [policy.wait_s(tries) for tries in (1, 2, 3, 4, 5, 1_000)] == [1, 2, 4, 8, 10, 10]
    assert [policy.wait_s(4, chance) for chance in (0.0, 0.5, 1.0)] == pytest.approx([8.0, 7.2, 6.4])


def test_a_key_is_parked_after_about_an_hour() -> None:
    policy = RetryPolicy()
    longest = sum(policy.wait_s(tries) for tries in range(1, policy.tries))
    assert 2_700 < longest * (1 - policy.jitter) < longest < 3_600


# --- Acts of administrators -------------------------------------------------------------------------------------------


def act(reactor: str = "notes") -> dict[str, Any]:
    return {"at": AT, "by": "platform", "reactor": reactor, "why": "the partner is being moved", "known": True}


async def test_a_reactor_is_paused_and_resumed_and_says_by_whom_and_why(here: Site) -> None:
    notes = Notes()
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor()])):
        await here.do(PauseReactor(**act()))

        async def is_paused() -> bool:
            progress = await status.progress()
            return progress is not None and progress.pause is not None

        await until(is_paused, "it is not paused")
        progress = await status.progress()
        assert progress is not None
        assert progress.pause is not None
        assert (progress.pause.by, progress.pause.why) == ("official-7", "the partner is being moved")
        await register(here, "ann")
    async with running(here.engine(reactors=[notes.reactor()])):
        await here.do(ResumeReactor(**act()))
        await until(lambda: notes.called == [2], "it does not go on")


async def test_a_parked_key_is_tried_again_or_goes_on_behind_a_skipped_event(here: Site) -> None:
    notes = Notes()
    notes.failing = {"ann": ValueError(), "bob": ValueError()}
    await register(here, "ann")
    await register(here, "bob")
    await here.order_erasure("ann")  # 3
    await here.order_erasure("bob")  # 4
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor(retry=replace(RETRY, tries=2))])):

        async def are_parked() -> bool:
            progress = await status.progress()
            return progress is not None and progress.parked_keys == 2

        await until(are_parked, "they are not parked")
        await here.do(RetryWaitingEvents(**act(), event_position=1, waiting=True))
        await until(lambda: notes.called.count(1) == 4, "ann is not tried again")
        await until(are_parked, "ann is not parked again")
        notes.failing.clear()
        await here.do(SkipWaitingEvent(**act(), event_position=2, waiting=True))
        await until(lambda: notes.called[-1] == 4, "bob does not go on")
        await here.do(RetryWaitingEvents(**act(), waiting=True))
        await until(lambda: notes.called[-1] == 3, "ann does not go on")
    assert notes.called.count(2) == 2


# --- Effects ----------------------------------------------------------------------------------------------------------


async def test_a_command_is_carried_out_once_however_often_the_event_is_reacted_to(here: Site) -> None:
    calls = 0

    async def hold_twice(recorded: Recorded[Any], run: ReactionRun) -> None:
        nonlocal calls
        calls += 1
        for serial in (1, 2):
            await run.send(hold(recorded.event.person_id, f"hold-{serial}"))
            if calls == serial:
                raise ValueError("it fails behind each command once")

    def hold(person_id: str, hold_id: str) -> PlaceLegalHold:
        # Another reference each time: only the key tells that it is the same command.
        return PlaceLegalHold(
            person_id=person_id,
            hold_id=hold_id,
            group=PurposeGroup.INVOICING,
            ground=HoldGround.LEGAL_OBLIGATION,
            until=AT.date().replace(year=2030),
            reference=f"call-{calls}",
            at=AT,
            by="platform",
        )

    reactor = replace(Notes().reactor(), reactions={PersonRegistered: (hold_twice,)})
    await register(here, "ann")
    async with seen(here) as status, running(here.engine(reactors=[reactor])):
        await until(lambda: status.is_at(3), "it does not succeed")
    assert calls == 3
    assert [(it.hold_id, it.reference) for it in await here.events("ann")] == [
        ("hold-1", "call-1"),
        ("hold-2", "call-2"),
    ]


async def test_a_reactor_may_begin_at_the_end_of_the_log(here: Site) -> None:
    notes = Notes()
    await register(here, "ann")
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor(from_start=False)])):
        await until(lambda: status.is_at(1), "it does not begin")
        await register(here, "bob")
        await until(lambda: status.is_at(2), "it does not go on")
    assert notes.called == [2]


# --- Leading ----------------------------------------------------------------------------------------------------------


async def test_one_leads_and_another_takes_over_when_it_is_gone(here: Site) -> None:
    first, second = Notes(), Notes()
    async with running(here.engine(reactors=[second.reactor()])):
        pass  # it leads, and is gone again
    async with running(here.engine(reactors=[first.reactor()])):
        await register(here, "ann")
        await until(lambda: 1 in first.called, "the first does not lead")
        other = here.engine(reactors=[second.reactor()], limits=replace(LIMITS, check_interval_s=0.05))
        work = asyncio.create_task(other.run())
        await register(here, "bob")
        await until(lambda: 2 in first.called, "the first does not go on")
    await register(here, "cem")
    await until(lambda: 3 in second.called, "the second does not take over")
    other.stop()
    await work
    assert (first.called, second.called) == ([1, 2], [3])


async def test_every_process_does_what_is_due_everywhere_from_when_it_began(here: Site) -> None:
    await register(here, "ann")
    sender = CommandSender(store=here.log, rules=RULES)
    called: list[list[int]] = [[], []]

    def engine(notes: list[int]) -> ReactorEngine:
        async def note(recorded: Recorded[Any]) -> None:
            notes.append(recorded.position)

        return ReactorEngine(here.url, CODEC, [], sender, everywhere={PersonRegistered: note}, limits=LIMITS)

    async with running(engine(called[0])), running(engine(called[1])):
        people = [f"person-{number}" for number in range(100)]
        for person_id in people:
            await register(here, person_id)
            if all(called):
                break
        await until(lambda: all(it and it[-1] == called[0][-1] for it in called), "one does not hear of it")
    assert 1 not in {*called[0], *called[1]}


async def test_a_lost_connection_is_made_anew(here: Site) -> None:
    notes = Notes()
    limits = replace(LIMITS, check_interval_s=0.05)
    async with running(here.engine(reactors=[notes.reactor()], limits=limits)):
        await register(here, "ann")
        await until(lambda: notes.called, "it does not work")
        with psycopg.connect(here.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
        await register(here, "bob")
        await until(lambda: 2 in notes.called, "it does not go on over a new connection")


async def test_a_reactor_of_another_log_does_nothing_and_holds_up_no_other(here: Site) -> None:
    notes, other = Notes(), Notes()
    await register(here, "ann")
    stores = Stores()
    sender = CommandSender(store=here.log, rules=RULES)
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute("INSERT INTO reactor.progress (name, log_id) VALUES ('notes', gen_random_uuid())")
    reactors = [notes.reactor(), other.reactor("other")]
    async with running(ReactorEngine(here.url, CODEC, reactors, sender, open_store=stores.open, limits=LIMITS)):
        await until(lambda: stores.of_other_logs, "it does not see that its checkpoint is of another log")
        await until(lambda: other.called == [1], "the other one waits")
    assert notes.called == []


async def test_no_more_than_is_open_is_reacted_to_again(here: Site) -> None:
    notes = Notes()
    people = [f"person-{number}" for number in range(EngineLimits().batch_events + 20)]
    await register(here, *people)
    async with seen(here) as status, running(here.engine(reactors=[notes.reactor()])):
        await until(lambda: status.is_at(len(people)), "not all are reacted to")
    again = Notes()
    async with running(here.engine(reactors=[again.reactor()])):
        await register(here, "last")
        await until(lambda: again.called, "it does not go on")
    every = list(range(1, len(people) + 1))
    assert (sorted(notes.called), again.called) == (every, [len(people) + 1])


async def test_the_checkpoint_is_behind_the_first_open_event_whatever_its_key(here: Site) -> None:
    gate = asyncio.Event()
    begun: list[int] = []

    async def slow(recorded: Recorded[Any], _run: ReactionRun) -> None:
        begun.append(recorded.position)
        if recorded.position > 1:
            await gate.wait()

    reactor = replace(Notes().reactor(), reactions={PersonRegistered: (slow,), ErasureRequested: (slow,)})
    await register(here, "ann")  # 1
    await register(here, "bob")  # 2
    await here.order_erasure("ann")  # 3
    limits = replace(LIMITS, slow_s=60.0)
    async with seen(here) as status, running(here.engine(reactors=[reactor], limits=limits)):
        await until(lambda: {2, 3} <= set(begun), "they do not begin")

        async def is_saved() -> bool:
            progress = await status.progress()
            return progress is not None and progress.position > 0

        await until(is_saved, "no checkpoint is saved")
        assert await status.is_at(1)
        gate.set()
        await until(lambda: status.is_at(3), "they do not end")


async def test_keys_run_side_by_side_but_never_too_many(here: Site) -> None:
    at_work = most = 0

    async def slow(_recorded: Recorded[Any], _run: ReactionRun) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1

    people = [f"person-{number}" for number in range(3 * LIMITS.keys_at_once)]
    await register(here, *people)
    reactor = replace(Notes().reactor(), reactions={PersonRegistered: (slow,)})
    async with seen(here) as status, running(here.engine(reactors=[reactor])):
        await until(lambda: status.is_at(len(people)), "not all are reacted to")
    assert 1 < most <= LIMITS.keys_at_once


# --- The end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(6))
async def test_a_run_that_is_woken_as_it_is_cancelled_ends(here: Site, turns: int) -> None:
    await register(here, "ann")
    notes, store = Notes(), ReactorStore(here.url, CODEC)

    async def call(function: Callable[[ReactorStore], T]) -> T:
        return function(store)

    try:
        sender = CommandSender(store=here.log, rules=RULES)
        run = ReactorRun(notes.reactor(from_start=True), call, sender, replace(LIMITS, check_interval_s=60.0))
        work = asyncio.create_task(run.run())
        async with seen(here) as status:
            head = await here.log.head()
            await until(lambda: status.is_at(head), "it does not read on")
        run.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        work.cancel()
        ended, _ = await asyncio.wait({work}, timeout=ENDS_WITHIN_S)
        run.stop()
        assert ended, "the cancellation is lost"
        assert work.cancelled()
    finally:
        store.close()


async def test_an_engine_ends_although_what_it_leads_does_not(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    free, led = asyncio.Event(), asyncio.Event()

    class Endless(ReactorRun):
        async def run(self) -> None:
            led.set()
            while not free.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await free.wait()

    monkeypatch.setattr("infrastructure.reactors.engine.ReactorRun", Endless)
    engine = here.engine(reactors=[Notes().reactor()], limits=replace(LIMITS, stop_s=0.1, cancel_s=0.1))
    work = asyncio.create_task(engine.run())
    async with asyncio.timeout(ENDS_WITHIN_S):
        await led.wait()
    engine.stop()
    ended, _ = await asyncio.wait({work}, timeout=ENDS_WITHIN_S)
    free.set()
    assert ended, "it waits without a bound"
