"""An event that a rule fails on is parked with what follows in its stream, and nothing else waits for it."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from domain.operation import RequestRebuild, RetryParkedEvents, SkipParkedEvent
from infrastructure.codec import Codec
from infrastructure.projector.live.admin_commands import carry_out
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from projections.progress import BuildState
from projections.read_model import ReadModel
from tests.infrastructure.projector_process import Processes, kill
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, DECIDER, CounterClosed, CounterRaised, Event
from tests.infrastructure.sample_models import (
    COUNTER_DAYS,
    LABELS,
    MISFIT_SUMS,
    MISFITS,
    RAISES,
    RAISES_SUM,
    SECRET,
    SOUND,
    History,
    Rows,
    all_rows,
    failing,
    in_memory,
    labelled,
    leftovers,
    rows,
    sound,
)
from tests.lengths import runs_longer, sized
from tests.waiting import wait_until

FAILING = failing()
HEALED = sound()
CODEC = Codec([DECIDER])
Connection = psycopg.Connection[Any]
Parked = Sequence[tuple[str, int, bool]]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def history(database_url: str) -> History:
    return History(database_url)


def raised(label: str = "", amount: int = 1) -> Event:
    return CounterRaised(amount=amount, label=label)


def parked(connection: Connection) -> Parked:
    """Return what is parked of the rows in use: table, position, and whether it failed by itself."""
    query = "SELECT table_name, position, error <> '' FROM read.parked ORDER BY table_name, position"
    return [row for row in connection.execute(query) if row[0].endswith("_v1")]


def follow(connection: Connection, definitions: Definitions = FAILING) -> Projector:
    projector = Projector(connection, definitions)
    projector.acquire()
    projector.prepare(projector.without_rows())
    projector.catch_up()
    return projector


def start_again(connection: Connection) -> None:
    """Forget all rows, and what is parked of them."""
    for projection in SOUND:
        connection.execute(f"DROP TABLE read.{projection.table.name}")
    connection.execute("TRUNCATE read.checkpoint, read.parked")


@dataclass(frozen=True, slots=True)
class Without:
    """Leaves out, for one projection, what is in given streams from a version on."""

    projection: ReadModel
    from_version: dict[str, int]

    def __call__(self, projection: ReadModel, recorded: Any) -> bool:
        first = self.from_version.get(recorded.aggregate_id)
        return projection is self.projection and first is not None and recorded.version >= first


def tell_failures(history: History, *labels: str) -> None:
    """Write two streams, and one for each label, whose second event has it, and four more follow."""
    bad = [(label or "bad", label) for label in labels]
    history.write(("a", raised()), *((name, raised()) for name, _ in bad), ("b", raised()))
    history.write(*((name, raised(label, 2)) for name, label in bad), ("a", raised(amount=2)))
    history.write(*((name, raised(amount=3)) for name, _ in bad), ("b", raised(amount=4)))
    history.write(*((name, CounterClosed()) for name, _ in bad), *((name, raised(amount=5)) for name, _ in bad))
    history.write(*((name, raised()) for name, _ in bad), ("c", raised(amount=9)))


def parked_of(connection: Connection, projection: ReadModel, *names: str) -> Parked:
    """Return what should be parked: the second event of streams and all that follow it, as far as there are rules."""
    query = """
        SELECT %s, position, version = 2 FROM log.event
        WHERE stream = ANY(%s) AND name = ANY(%s) AND version >= 2 ORDER BY position
    """
    streams = [f"counter-{name}" for name in names]
    wanted = (projection.table.name, streams, FAILING.names(projection))
    return connection.execute(query, wanted).fetchall()


@pytest.mark.parametrize(
    ("projection", "labels"), [(COUNTERS, [RAISES, *MISFITS]), (COUNTER_SUMS, [RAISES_SUM, *MISFIT_SUMS])]
)
def test_what_fails_is_parked_with_what_follows_it_and_the_others_go_on(
    connection: Connection,
    history: History,
    projection: ReadModel,
    labels: Sequence[str],
) -> None:
    tell_failures(history, *labels)
    expected = in_memory(connection, SOUND, without=Without(projection, dict.fromkeys(labels, 2)))
    for batch in (1, 2, 7, 1_000):
        follow(connection, replace(FAILING, limits=ProjectorLimits(batch_events=batch, behind_events=batch)))
        assert parked(connection) == parked_of(connection, projection, *labels)
        assert all_rows(connection, SOUND) == expected
        if batch < 1_000:
            start_again(connection)
    for chunk, longest in ((1_000, 100_000), (4, 100_000), (4, 2)):
        limits = ProjectorLimits(chunk_events=chunk, long_stream_events=longest)
        _rebuilt_the_same(connection, history.url, replace(FAILING, limits=limits))
        assert all_rows(connection, SOUND) == expected


UNREADABLE = (b"\xff", b'{"amount":1,"label":"SECRET-4711 \xff"}', b'{"amount":"SECRET-4711"}', b"{}")


def test_an_event_that_cannot_be_decoded_is_parked_by_all_who_look_into_it(
    connection: Connection, history: History
) -> None:
    names = [f"unreadable.{number}" for number in range(len(UNREADABLE))]
    tell_failures(history, *names)
    # What only counts events never looks into them, so nothing of it is parked: neither live nor made anew.
    expected = in_memory(connection, SOUND, without=_in_streams_from(names, 2))
    for name, payload in zip(names, UNREADABLE, strict=True):
        spoil(connection, f"counter-{name}", payload)
    follow(connection)
    of_rows, of_sums = (parked_of(connection, it, *names) for it in (COUNTERS, COUNTER_SUMS))
    assert parked(connection) == [*of_rows, *of_sums]
    assert all_rows(connection, SOUND) == expected
    _nothing_is_told(connection)
    _rebuilt_the_same(connection, history.url)
    assert all_rows(connection, SOUND) == expected


def _in_streams_from(names: Sequence[str], version: int) -> Any:
    def left_out(projection: ReadModel, recorded: Any) -> bool:
        looks_into = projection is not COUNTER_DAYS
        return looks_into and recorded.aggregate_id in names and recorded.version >= version

    return left_out


def spoil(connection: Connection, stream: str, payload: bytes) -> None:
    """Change the bytes of the second event of a stream, as the owner of its table with the guards taken off."""
    connection.execute("ALTER TABLE log.event_1 DISABLE TRIGGER ALL")
    connection.execute("ALTER TABLE log.event DISABLE TRIGGER ALL")
    connection.execute("UPDATE log.event SET payload = %s WHERE stream = %s AND version = 2", (payload, stream))


def test_no_value_of_an_event_is_told(connection: Connection, history: History) -> None:
    for number, label in enumerate([RAISES, RAISES_SUM, *MISFITS, *MISFIT_SUMS]):
        history.write((f"{SECRET}.{number}", raised(label)))
    follow(connection)
    assert len(parked(connection)) == 2 + len(MISFITS) + len(MISFIT_SUMS)
    _nothing_is_told(connection)


def _nothing_is_told(connection: Connection) -> None:
    for query in ("SELECT error FROM read.parked", "SELECT error FROM read.checkpoint"):
        assert not [error for (error,) in connection.execute(query) if SECRET in error]


def _rebuilt_the_same(connection: Connection, url: str, definitions: Definitions = FAILING) -> None:
    """Make all rows anew with the same rules: as much is parked as before, and the rows are the same."""
    before = parked(connection)
    for result in rebuild(url, definitions, definitions.chosen(())):
        assert (result.state, result.equal) == (BuildState.DONE, True), result.outcome
    assert parked(connection) == before
    assert not leftovers(connection)


# --- A second chance ------------------------------------------------------------------------------------------------


def test_a_retry_after_the_rule_was_fixed_gives_the_rows_of_a_run_without_failure(
    connection: Connection, history: History
) -> None:
    for number in range(40):
        label = RAISES if number % 7 == 3 else RAISES_SUM if number % 7 == 5 else ""
        history.write((f"c{number % 6}", raised(label, number % 4 + 1)))
    broken = follow(connection, replace(FAILING, limits=ProjectorLimits(batch_events=3)))
    assert parked(connection)
    carry(connection, FAILING, broken)
    still = parked(connection)
    history.act(RetryParkedEvents, COUNTERS.name)
    history.act(RetryParkedEvents, COUNTER_SUMS.name)
    broken.catch_up()
    carry(connection, FAILING, broken)
    assert parked(connection) == still, "the rules fail as before, and the order of the streams is kept"
    history.act(RetryParkedEvents, COUNTERS.name)
    history.act(RetryParkedEvents, COUNTER_SUMS.name)
    healed = follow(connection, HEALED)
    carry(connection, HEALED, healed)
    assert parked(connection) == []
    history.write(("c1", raised()), ("c3", CounterClosed()))
    healed.catch_up()
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def test_only_the_stream_of_one_event_is_retried_if_that_is_asked(connection: Connection, history: History) -> None:
    history.write(("a", raised()), ("b", raised()), ("a", raised(RAISES)), ("b", raised(RAISES)), ("a", raised()))
    follow(connection)
    assert [position for _, position, _ in parked(connection)] == [3, 4, 5]
    history.act(RetryParkedEvents, COUNTERS.name, event_position=3)
    carry(connection, HEALED, follow(connection, HEALED))
    assert [position for _, position, _ in parked(connection)] == [4]


def test_a_skipped_event_leads_to_nothing_and_those_behind_it_go_on(connection: Connection, history: History) -> None:
    tell_failures(history, RAISES)
    follow(connection)
    history.act(SkipParkedEvent, COUNTERS.name, event_position=4)
    projector = follow(connection)
    carry(connection, FAILING, projector)
    assert parked(connection) == []
    history.write((RAISES, raised(amount=2)))
    projector.catch_up()
    expected = in_memory(connection, SOUND, without=lambda it, recorded: it is COUNTERS and recorded.position == 4)
    assert all_rows(connection, SOUND) == expected
    _rebuilt_the_same(connection, history.url)
    assert all_rows(connection, SOUND) == expected


def test_an_event_that_is_not_parked_is_not_skipped(connection: Connection, history: History) -> None:
    tell_failures(history, "")
    history.act(SkipParkedEvent, COUNTERS.name, event_position=4)
    carry(connection, HEALED, follow(connection, HEALED))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    _rebuilt_the_same(connection, history.url)
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def test_what_is_skipped_while_rows_are_made_anew_is_skipped_in_them(connection: Connection, history: History) -> None:
    tell_failures(history, RAISES)
    projector = follow(connection)
    skipped = False

    def skip(_done: int, _total: int) -> None:
        nonlocal skipped
        if not skipped and _done:
            skipped = True
            history.act(SkipParkedEvent, COUNTERS.name, event_position=4)
            projector.catch_up()
            carry(connection, FAILING, projector)
            assert parked(connection) == []

    (result,) = rebuild(history.url, FAILING, [COUNTERS], progress=skip)
    assert result.state is BuildState.DONE
    assert skipped
    expected = in_memory(connection, [COUNTERS], without=lambda _, recorded: recorded.position == 4)
    assert rows(connection, COUNTERS) == expected[COUNTERS.name]
    assert parked(connection) == []


def carry(connection: Connection, definitions: Definitions, projector: Projector) -> None:
    """Carry out the acts on all projections, as the worker does."""
    for target in projector.owned.values():
        carry_out(connection, definitions, target)


# --- With a worker --------------------------------------------------------------------------------------------------


def test_a_worker_carries_out_each_act_once_also_if_it_is_killed_in_between(
    connection: Connection, history: History
) -> None:
    with Processes() as processes:
        worker = processes.worker(history.url, FAILING.reference)
        for number in range(12):
            label = RAISES if number % 3 == 1 else ""
            history.write((f"c{number % 4}", raised(label, 2)), (f"c{number % 4}", raised(amount=3)))
            if number % 4 == 3:
                kill(worker)
                history.act(RetryParkedEvents, COUNTERS.name)
                worker = processes.worker(history.url, FAILING.reference)
        kill(worker)
        history.act(RetryParkedEvents, COUNTERS.name)
        processes.worker(history.url, HEALED.reference)
        wait_until(lambda: _at_head(connection) and not parked(connection), "what is parked is not tried again")
        assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def _at_head(connection: Connection) -> bool:
    row = connection.execute("SELECT min(position) = log.head() FROM read.checkpoint").fetchone()
    return row == (True,)


@runs_longer
def test_one_bad_event_in_ten_thousand_holds_up_its_stream_only(connection: Connection, history: History) -> None:
    streams, bad = 500, dict[str, int]()
    for round_ in range(sized(4, long=20)):
        told = list[tuple[str, Event]]()
        for number in range(5_000):
            position = round_ * 5_000 + number + 1
            name = f"c{position * 7 % streams}"
            fails = position % 10_000 == 4_321
            version = history.versions.get(f"counter-{name}", 0) + number // streams + 1
            told.append((name, raised(RAISES if fails else "", position % 5 + 1)))
            if fails:
                bad.setdefault(name, version)
        history.write(*told)
    follow(connection)
    expected = in_memory(connection, SOUND, without=Without(COUNTERS, bad))
    assert all_rows(connection, SOUND) == expected
    query = "SELECT stream, min(stream_version), count(*) FROM read.parked GROUP BY stream"
    found = {stream.removeprefix("counter-"): (first, events) for stream, first, events in connection.execute(query)}
    assert found == {name: (first, history.versions[f"counter-{name}"] - first + 1) for name, first in bad.items()}
    for result in rebuild(history.url, FAILING, FAILING.chosen(())):
        assert (result.state, result.equal) == (BuildState.DONE, True), result.outcome
    history.act(RetryParkedEvents, COUNTERS.name)
    carry(connection, HEALED, follow(connection, HEALED))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


# --- What only the database refuses ---------------------------------------------------------------------------------

RANDOM = random.Random(4711)
LONG_LABEL = "".join(RANDOM.choices(string.ascii_letters, k=9_000))
MOST = 2**63 - 1


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_a_text_too_long_for_an_index_parks_its_event_and_stops_nothing(
    connection: Connection, history: History, batch: int
) -> None:
    history.write(("a", raised("short")), ("a", raised(LONG_LABEL)), ("a", raised("later")))
    history.write(("b", raised("short")))

    follow(connection, replace(labelled(), limits=ProjectorLimits(batch_events=batch)))

    assert parked(connection) == [("test_labels_v1", 2, True), ("test_labels_v1", 3, False)]
    assert rows(connection, LABELS) == {("short",): {"total": 2}}
    assert set(rows(connection, COUNTERS)) == {("a",), ("b",)}


def test_a_rebuild_parks_the_text_too_long_for_an_index_as_the_worker_did(
    connection: Connection, history: History, database_url: str
) -> None:
    history.write(("a", raised("short")), ("a", raised(LONG_LABEL)), ("a", raised("later")))
    history.write(("b", raised("short")))
    follow(connection, labelled())
    before = parked(connection)

    (result,) = rebuild(database_url, labelled(), [LABELS])

    assert result.equal, result.outcome
    assert parked(connection) == before


def test_a_sum_out_of_range_parks_the_event_that_goes_beyond_it(connection: Connection, history: History) -> None:
    history.write(("a", raised("x", MOST)))
    history.write(("b", raised("y", 1)), ("b", raised("x", 1)), ("b", raised("y", 1)))
    history.write(("c", raised("y", 1)))

    follow(connection, labelled())

    assert parked(connection) == [("test_labels_v1", 3, True), ("test_labels_v1", 4, False)]
    assert rows(connection, LABELS) == {("x",): {"total": MOST}, ("y",): {"total": 2}}


def test_trouble_of_the_database_parks_nothing(connection: Connection, history: History) -> None:
    history.write(("a", raised("x")))
    projector = follow(connection, labelled())
    connection.execute("ALTER TABLE read.test_labels_v1 RENAME TO elsewhere")
    history.write(("a", raised("y")))
    projector.step()

    assert parked(connection) == []
    error = connection.execute("SELECT error FROM read.checkpoint WHERE projection = 'test_labels'").fetchone()
    assert error is not None
    assert "UndefinedTable" in error[0]


def stands_at(connection: Connection, name: str) -> tuple[int, str]:
    query = "SELECT stands_at, error FROM read.checkpoint WHERE projection = %s"
    ((position, error),) = connection.execute(query, (name,)).fetchall()
    return position, error.partition(":")[0]


def test_a_read_model_that_stops_names_the_event_at_which_it_stands(connection: Connection, history: History) -> None:
    history.write(("a", raised("x")))
    projector = follow(connection, labelled())
    connection.execute("ALTER TABLE read.test_labels_v1 RENAME TO elsewhere")
    history.act(RequestRebuild, "another_model")
    history.write(("a", raised("y")), ("a", raised("z")))
    projector.step()
    assert stands_at(connection, "test_labels") == (3, "at position 3")
    history.act(SkipParkedEvent, "test_labels", event_position=3)
    projector.step()
    carry_out(connection, labelled(), projector.owned["test_labels"])
    follow(connection, labelled())
    assert stands_at(connection, "test_labels") == (4, "at position 4")
    connection.execute("ALTER TABLE read.elsewhere RENAME TO test_labels_v1")
    again = Projector(connection, labelled())
    again.prepare()
    again.catch_up()
    assert rows(connection, LABELS) == {("x",): {"total": 1}, ("z",): {"total": 1}}


@pytest.mark.parametrize(
    ("skipped", "left"),
    [(2, {("x",): {"total": 1}}), *((it, {("x",): {"total": 1}, ("y",): {"total": 1}}) for it in (1, 3, 1_000))],
)
def test_skip_frees_a_read_model_that_stands_at_the_event_and_nothing_else(
    connection: Connection, history: History, skipped: int, left: Rows
) -> None:
    history.write(("a", raised("x")))
    projector = follow(connection, labelled())
    connection.execute("ALTER TABLE read.test_labels_v1 RENAME TO elsewhere")
    history.write(("a", raised("y")))
    projector.step()
    history.act(SkipParkedEvent, "test_labels", event_position=skipped)
    projector.step()
    carry_out(connection, labelled(), projector.owned["test_labels"])
    connection.execute("ALTER TABLE read.elsewhere RENAME TO test_labels_v1")

    again = Projector(connection, labelled())
    again.prepare()
    again.catch_up()

    assert rows(connection, LABELS) == left
