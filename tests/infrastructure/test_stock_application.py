"""A stock application of the eventsourcing library runs on our log unchanged: its settings alone say which recorder."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.projection import ApplicationSubscription, ProjectionRunner
from eventsourcing.system import (
    MultiThreadedRunner,
    NewMultiThreadedRunner,
    NewSingleThreadedRunner,
    Runner,
    SingleThreadedRunner,
)
from eventsourcing.tests import application as their_applications
from eventsourcing.tests import projection as their_projections
from eventsourcing.utils import get_topic

from application.ports import Receipt
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.log_statements import CHANNEL
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.library_recorders import recorders as ours
from tests.infrastructure.sample_counter import DECIDER, append
from tests.infrastructure.sample_letter_box import (
    OURS,
    POST,
    STOCK,
    Answer,
    Answers,
    CountLetters,
    LetterBox,
    LetterCounts,
    Letters,
    settings,
)

WAIT_S = 30
LETTERS = 40
LETTER = get_topic(LetterBox.LetterReceived)  # type: ignore[attr-defined]
OPENED = get_topic(LetterBox.Opened)  # type: ignore[attr-defined]
COUNTER_RAISED = "test.counter-raised.v1"


@pytest.fixture(params=[OURS, STOCK])
def env(request: pytest.FixtureRequest, database_url: str) -> dict[str, str]:
    """Settings for our log and for the library's own recorder: what holds on one holds on the other."""
    return settings(database_url, request.param)


@pytest.fixture
def letters(env: dict[str, str]) -> Iterator[Letters]:
    with Letters(env) as app:
        yield app


@pytest.fixture
def our_env(database_url: str) -> dict[str, str]:
    return settings(database_url)


@pytest.fixture
def our_letters(our_env: dict[str, str]) -> Iterator[Letters]:
    with Letters(our_env) as app:
        yield app


def notifications(app: Application[Any]) -> list[Notification]:
    return list(app.recorder.select_notifications(start=None, limit=10_000))


# --- On either recorder ---------------------------------------------------------------------------------------------


def test_settings_alone_choose_the_recorder(our_env: dict[str, str]) -> None:
    with Letters(our_env) as on_our_log, Letters(our_env | {"PERSISTENCE_MODULE": STOCK}) as on_theirs:
        assert type(on_our_log.recorder) is ours.LogRecorder
        assert type(on_theirs.recorder).__module__ == STOCK
        on_our_log.open("Ada")
        assert (len(notifications(on_our_log)), len(notifications(on_theirs))) == (1, 0)


def test_an_aggregate_is_saved_and_read_at_every_version(letters: Letters) -> None:
    box_id = letters.open("Ada", "one", "two")
    letters.receive(box_id, "three")
    box = letters.box(box_id)
    assert (box.owner, box.letters, box.version) == ("Ada", ["one", "two", "three"], 4)
    assert [letters.box(box_id, version).letters for version in (1, 2, 3)] == [[], ["one"], ["one", "two"]]
    assert box.created_on < box.modified_on


def test_snapshots_are_taken_and_read_beside_the_events(letters: Letters) -> None:
    box_id = letters.open("Ada", *"abcdefg")
    assert letters.snapshots is not None
    assert [snapshot.originator_version for snapshot in letters.snapshots.get(box_id)] == [3, 6]
    assert letters.box(box_id).letters == list("abcdefg")
    assert letters.box(box_id, version=7).letters == list("abcdef")
    # A snapshot is no event: the log does not know it.
    assert len(notifications(letters)) == 8


def test_of_two_who_changed_the_same_version_one_wins(letters: Letters) -> None:
    box_id = letters.open("Ada")
    winner, loser = letters.box(box_id), letters.box(box_id)
    other = LetterBox("Grace")
    winner.receive("first")
    loser.receive("second")
    letters.save(winner)
    with pytest.raises(IntegrityError):
        letters.save(other, loser)
    assert letters.box(box_id).letters == ["first"]
    assert other.id not in letters.repository


def test_the_notification_log_is_read_in_pages(letters: Letters) -> None:
    letters.open("Ada", *"abcde")
    first = letters.notification_log["1,4"]
    assert [item.id for item in first.items] == [1, 2, 3, 4]
    assert first.next_id is not None
    second = letters.notification_log[first.next_id]
    assert ([item.id for item in second.items], second.next_id) == ([5, 6], None)
    found = letters.notification_log.select(start=2, limit=3, topics=[LETTER], inclusive_of_start=False)
    assert [item.id for item in found] == [3, 4, 5]


RUNNERS = [SingleThreadedRunner, NewSingleThreadedRunner, MultiThreadedRunner, NewMultiThreadedRunner]


@pytest.mark.parametrize("runner_class", RUNNERS)
def test_an_application_that_follows_another_answers_every_event_once(
    runner_class: type[Runner[Any]], env: dict[str, str]
) -> None:
    with runner_class(POST, env) as runner:
        app, answers = runner.get(Letters), runner.get(Answers)
        box_ids = [app.open("Ada", "one"), app.open("Grace", "two")]
        position = app.receive(box_ids[0], "three")
        answers.recorder.wait("Letters", position, timeout=WAIT_S)
        wanted = {Answer.create_id(*letter) for letter in ((box_ids[0], 2), (box_ids[1], 2), (box_ids[0], 3))}
        found = [item.originator_id for item in notifications(answers) if item.topic == get_topic(Answer.Created)]
        assert (len(found), set(found)) == (3, wanted)


def test_two_who_follow_at_once_answer_no_event_twice(env: dict[str, str], letters: Letters) -> None:
    box_id = letters.open("Ada", *(str(n) for n in range(LETTERS)))

    def follow(answers: Answers) -> None:
        # The one that loses a race begins again after what the other one has done: once for each event at most.
        for _ in range(LETTERS + 1):
            with contextlib.suppress(IntegrityError):
                answers.pull_and_process("Letters", stop=LETTERS + 1)
                return
        raise AssertionError("lost more races than there were")

    with Answers(env) as one, Answers(env) as other, ThreadPoolExecutor() as threads:
        for answers in (one, other):
            answers.follow("Letters", letters.notification_log)
        assert list(threads.map(follow, (one, other))) == [None, None]
        found = [item.originator_id for item in notifications(one) if item.topic == get_topic(Answer.Created)]
    assert sorted(map(str, found)) == sorted(
        str(Answer.create_id(box_id, version)) for version in range(2, LETTERS + 2)
    )


# --- The library's own tests of applications ------------------------------------------------------------------------


class TestStockExample(their_applications.ExampleApplicationTestCase):
    expected_factory_topic = f"{OURS}:Factory"

    @pytest.fixture(autouse=True)
    def _on_our_log(self, our_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in our_env.items():
            monkeypatch.setenv(name, value)


class TestStockEventSourcedProjection(their_projections.EventSourcedProjectionTestCase):
    """It reacts to whatever event there is, so it records in a log of its own, as its settings say."""

    env: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _on_two_logs(self, our_env: dict[str, str], module_database_url: str) -> None:
        own = {f"COUNTERS_{name}": value for name, value in settings(module_database_url).items()}
        self.env.update(our_env | own)


# --- On our log only ------------------------------------------------------------------------------------------------


def test_five_thousand_events_are_saved_at_once(our_env: dict[str, str]) -> None:
    # The library's own recorder can hang on this for ever.
    box = LetterBox("Ada")
    for n in range(4_999):
        box.receive(f"letter {n}")
    with Application[UUID](our_env) as app:
        recordings = app.save(box)
        assert [recording.notification.id for recording in recordings] == list(range(1, 5_001))
        found: LetterBox = app.repository.get(box.id)
        assert found.letters == box.letters


def test_a_subscription_gives_what_was_there_and_what_comes(our_letters: Letters) -> None:
    box_id = our_letters.open("Ada", "one")
    with ApplicationSubscription(our_letters, gt=1) as subscription:
        told = [next(subscription)]
        for letter in ("two", "three"):
            our_letters.receive(box_id, letter)
            told.append(next(subscription))
    assert [event.letter for event, _ in told] == ["one", "two", "three"]  # type: ignore[attr-defined]
    assert [(tracking.application_name, tracking.notification_id) for _, tracking in told] == [
        ("Letters", position) for position in (2, 3, 4)
    ]


def test_a_projection_follows_and_goes_on_where_it_stopped(our_env: dict[str, str]) -> None:
    def run() -> ProjectionRunner[Letters, LetterCounts]:
        return ProjectionRunner(
            application_class=Letters, projection_class=CountLetters, view_class=LetterCounts, env=our_env
        )

    with run() as runner:
        box_id = runner.app.open("Ada", "one")
        runner.wait(runner.app.receive(box_id, "two"), timeout=WAIT_S)
        assert runner.projection.view.letters() == 2
    with Letters(our_env) as app:
        app.receive(box_id, "three")
    with run() as runner:
        runner.wait(runner.app.receive(box_id, "four"), timeout=WAIT_S)
        assert runner.projection.view.letters() == 4


class Counting(ours.LogRecorder):
    """Counts how often it was asked for notifications."""

    asked = 0

    def select_notifications(self, *arguments: Any, **bounds: Any) -> Any:
        self.asked += 1
        return super().select_notifications(*arguments, **bounds)


def test_a_subscription_is_told_by_the_log_and_asks_only_then(our_env: dict[str, str], database_url: str) -> None:
    recorder_topic = {"APPLICATION_RECORDER_TOPIC": get_topic(Counting)}
    with (
        Letters(our_env | recorder_topic) as app,
        psycopg.connect(database_url, autocommit=True) as listener,
        app.recorder.subscribe(gt=0) as subscription,
    ):
        listener.execute(f"LISTEN {CHANNEL}")
        box_id = app.open("Ada")
        positions = [next(subscription).id]
        for letter in "abc":
            app.receive(box_id, letter)
            positions.append(next(subscription).id)
        told = [int(notify.payload) for notify in listener.notifies(timeout=WAIT_S, stop_after=4)]
        assert isinstance(app.recorder, Counting)
        assert positions == told == [1, 2, 3, 4]
        # Twice at the start, before and after it listens, then at most once for each time it was told.
        assert app.recorder.asked <= 2 + len(told)


class Late(ours.LibrarySubscription):
    """Is allowed to listen only when an event was saved after its first look."""

    def _listen(self) -> None:
        assert isinstance(self._recorder, HeldBack)
        self._recorder.saved.wait(WAIT_S)
        super()._listen()


class HeldBack(ours.LogRecorder):
    def __init__(self, datastore: PostgresDatastore, **names: Any) -> None:
        super().__init__(datastore, **names)
        self.looked, self.saved = threading.Event(), threading.Event()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Late:
        return Late(recorder=self, gt=gt, topics=topics)

    def select_notifications(self, *arguments: Any, **bounds: Any) -> Any:
        found = super().select_notifications(*arguments, **bounds)
        self.looked.set()
        return found


def test_a_subscription_does_not_miss_what_came_before_it_listened(our_env: dict[str, str]) -> None:
    # The library's own subscription does.
    with (
        Letters(our_env | {"APPLICATION_RECORDER_TOPIC": get_topic(HeldBack)}) as app,
        ThreadPoolExecutor() as threads,
        app.recorder.subscribe(gt=0) as subscription,
    ):
        assert isinstance(app.recorder, HeldBack)
        assert app.recorder.looked.wait(WAIT_S)
        app.open("Ada")
        app.recorder.saved.set()
        assert threads.submit(next, subscription).result(WAIT_S).id == 1


def test_a_subscription_that_runs_behind_skips_and_repeats_nothing(our_letters: Letters) -> None:
    box_id = our_letters.open("Ada")
    with ThreadPoolExecutor() as threads, our_letters.recorder.subscribe(gt=None) as subscription:

        def save(_: int) -> None:
            our_letters.save(*(LetterBox("Grace") for _ in range(50)))

        followed = threads.submit(lambda: [event.id for event in islice(subscription, 2_001)])
        assert list(threads.map(save, range(40))) == [None] * 40
        positions = followed.result(WAIT_S)
    assert positions == list(range(1, 2_002))
    assert our_letters.box(box_id).version == 1


# --- One log for the library's applications and for ours ------------------------------------------------------------

EVENTS: dict[str, type[Any]] = {**DECIDER.events, LETTER: dict, OPENED: dict}
CODEC = Codec([replace(DECIDER, events=EVENTS)])
"""Knows the stock application's events too, as what they are: JSON objects."""


@pytest.mark.anyio
async def test_stock_applications_and_our_own_commands_share_one_log(our_letters: Letters, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:

        async def append_ours(number: int) -> None:
            (outcome,) = await log.append([append(f"counter-{number}", 1, 2, at=0)])
            assert isinstance(outcome, Receipt)

        save: Callable[..., Any] = our_letters.open
        await asyncio.gather(
            *(append_ours(number) for number in range(100)),
            *(asyncio.to_thread(save, f"owner {number}", "one", "two") for number in range(100)),
        )
    theirs = notifications(our_letters)
    with psycopg.connect(database_url) as connection:
        recorded = list(LogReader(CODEC).read(connection, after=0, until=1_000))
        letters_only = list(LogReader(CODEC).read(connection, after=0, until=1_000, names=[LETTER]))
    assert [event.position for event in recorded] == list(range(1, 501))
    assert [(item.id, str(item.originator_id), item.originator_version) for item in theirs] == [
        (event.position, event.stream, event.version) for event in recorded
    ]
    assert {str(item.originator_id).startswith("counter-") for item in theirs if item.topic == COUNTER_RAISED} == {True}
    found = our_letters.recorder.select_notifications(start=1, limit=1_000, topics=[LETTER])
    assert [item.id for item in found] == [event.position for event in letters_only]
    assert [event.event["letter"] for event in letters_only].count("two") == 100


@pytest.mark.anyio
async def test_a_projection_that_names_its_topics_passes_over_the_events_of_others(
    our_env: dict[str, str], database_url: str
) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        with ProjectionRunner(
            application_class=Letters, projection_class=CountLetters, view_class=LetterCounts, env=our_env
        ) as runner:
            await log.append([append("counter-a", 1, 2, at=0)])
            box_id = runner.app.open("Ada", "one")
            await log.append([append("counter-a", 3, at=2)])
            position = runner.app.receive(box_id, "two")
            runner.wait(position, timeout=WAIT_S)
            assert (position, runner.projection.view.letters()) == (6, 2)
            assert runner.projection.view.max_tracking_id("Letters") == 6


@pytest.mark.anyio
async def test_our_commands_meet_the_versions_that_a_stock_recorder_wrote(
    our_letters: Letters, database_url: str
) -> None:
    recorder: ApplicationRecorder = our_letters.recorder
    box_id = our_letters.open("Ada", "one")
    async with PostgresLog(database_url, CODEC, b"key") as log:
        outcomes = await log.append([append(str(box_id), 1, at=at) for at in (1, 2)])
    assert [isinstance(outcome, Receipt) for outcome in outcomes] == [False, True]
    assert [event.originator_version for event in recorder.select_events(box_id)] == [1, 2, 3]
