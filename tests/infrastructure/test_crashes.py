"""What was acknowledged is there, once and in its place, whoever is killed and whatever the disk does.

`make torture` does the same for long. How writers are told apart from what the log holds: `tests/torture/check.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeAlias

import pytest

from application.ports import Append, Receipt
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogUnavailableError
from tests.torture import faults, kills, winners
from tests.torture.check import LogCheck
from tests.torture.events import CODEC, CONTEXT, DECIDER, LARGE, Note, Noted
from tests.torture.notes import Kind, Lane, Notes, Said, Word
from tests.torture.server import Server, server

SEED = 20_211_103
MAX_APPENDS = 20
STREAM = "torture-large"

Survive: TypeAlias = Callable[[Server, int], tuple[LogCheck, faults.Fault]]
Written: TypeAlias = tuple[int, int, int, int, int]


@pytest.fixture(name="postgres", scope="module")
def _postgres() -> Iterator[Server]:
    """A server of these tests' own: nobody else would like to have it killed."""
    with server() as made:
        yield made


def test_a_killed_writer_loses_and_doubles_nothing(postgres: Server) -> None:
    check = kills.kill_writers(postgres, SEED, 5, print)
    _sound(check)


def test_a_killed_server_loses_nothing_and_its_writers_find_out_what_became_of_their_wishes(postgres: Server) -> None:
    check = kills.kill_postgres(postgres, SEED, 3, print)
    _sound(check)


def test_a_lost_connection_leaves_no_doubt_about_what_was_written(postgres: Server) -> None:
    check = kills.cut_connections(postgres, SEED, 20, print)
    _sound(check)


def test_a_server_that_confirms_too_early_is_seen_to_lose() -> None:
    with server() as careless:
        check = kills.lose_on_purpose(careless, SEED)
    assert check.wounds["lost"] > 0, "the control lost nothing: then the tests above show nothing"


@pytest.mark.parametrize(
    "survive", [faults.survive_full_disk, faults.survive_full_journal, faults.survive_failing_sync]
)
def test_a_disk_that_fails_under_load_wounds_nothing(postgres: Server, survive: Survive) -> None:
    check, fault = survive(postgres, SEED)
    assert fault.refused > 0
    _sound(check)


@pytest.mark.anyio
async def test_a_full_disk_is_told_and_the_log_goes_on_when_there_is_room(postgres: Server) -> None:
    url, version = postgres.new_log(), 0
    async with PostgresLog(url, CODEC, b"torture") as log:
        version = await _append(log, version)
        with faults.full_disk(url, postgres.data.pgdata):
            refusal, version = await _until_refused(log, version)
        # Of what was refused nothing is there, neither events nor their places in the log.
        assert await _append(log, version) == version + LARGE
    assert "No space left on device" in str(refusal)


def test_of_64_writers_on_one_stream_exactly_one_wins_each_version(postgres: Server) -> None:
    race = winners.race(postgres.new_log(), versions=50)
    assert race.fair(versions=50)
    assert race.refused == 63 * 50


# --- The check itself -----------------------------------------------------------------------------------------------

SOUND: list[Written] = [(1, 1, 1, 1, 2), (2, 2, 1, 2, 2), (3, 3, 2, 1, 1)]
"""Position, version, and serial, part and number of parts of a wish: two wishes of one lane, as they should be."""


@pytest.mark.parametrize(
    ("wound", "rows", "answers"),
    [
        ("", SOUND, {1: 2, 2: 3}),
        ("", SOUND, {1: 2, 2: Said.UNKNOWN}),
        ("", SOUND[:2], {1: 2, 2: Said.UNKNOWN}),
        ("", SOUND[:2], {1: 2, 2: Said.REFUSED}),
        ("lost", SOUND[:2], {1: 2, 2: 3}),
        ("lost", SOUND, {1: 1, 2: 3}),
        ("doubled", SOUND, {1: 2, 2: Said.REFUSED}),
        ("doubled", [*SOUND, (4, 4, 2, 1, 1)], {1: 2, 2: 3}),
        ("gaps", [*SOUND[:2], (4, 3, 2, 1, 1)], {1: 2, 2: 4}),
        ("gaps", [*SOUND[:2], (3, 4, 2, 1, 1)], {1: 2, 2: 3}),
        ("reordered", [(1, 1, 2, 1, 1), (2, 2, 1, 1, 1)], {1: 2, 2: 1}),
        ("reordered", [*SOUND, (3, 4, 3, 1, 1)], {1: 2, 2: 3}),
        ("torn", [(1, 1, 1, 1, 2), (2, 2, 2, 1, 1)], {2: 2}),
        ("torn", SOUND[1:], {1: 2, 2: 3}),
        ("torn", SOUND[:1], {}),
        ("made up", [*SOUND, (4, 4, 9, 1, 1)], {1: 2, 2: 3}),
    ],
)
def test_the_check_sees_every_wound(wound: str, rows: list[Written], answers: dict[int, int]) -> None:
    lane = Lane(number=1, kind=Kind.UNKEYED)
    for serial in (1, 2, 3):
        lane.take(Word(1, serial, 1, answers.get(serial, Said.SENT)))
    check = LogCheck(Notes(lanes={1: lane}))
    for position, version, serial, part, of in rows:
        name, payload = CODEC.encode(Noted(lane=1, serial=serial, part=part, of=of))
        check.take((position, CONTEXT.effective_at, STREAM, version, name, payload))
    for serial, answer in answers.items():
        check.compare(1, serial, answer)
    check.end()
    assert (wound in check.wounds) if wound else not check.wounds, check.examples


def test_the_check_sees_time_going_back() -> None:
    check = LogCheck(Notes())
    for position in (1, 2):
        name, payload = CODEC.encode(Noted(lane=1, serial=position, part=1, of=1))
        at = CONTEXT.effective_at - timedelta(microseconds=position)
        check.take((position, at, STREAM, position, name, payload))
    assert check.wounds == {"reordered": 1}


# --- What the tests share -------------------------------------------------------------------------------------------


async def _until_refused(log: PostgresLog, version: int) -> tuple[LogUnavailableError, int]:
    """Append until the log refuses; return how it does, and the head of the log before that."""
    for _ in range(MAX_APPENDS):
        try:
            version = await _append(log, version)
        except LogUnavailableError as refusal:
            return refusal, version
    raise AssertionError(f"nothing was refused in {MAX_APPENDS} appends")


async def _append(log: PostgresLog, version: int) -> int:
    """Append more events than a page of a table holds, as the only one who writes; return the head of the log."""
    note = Note(at=CONTEXT.effective_at, by="torture", lane=1, serial=1, of=LARGE)
    wish = Append(stream=STREAM, events=DECIDER.decide(note, version), expected={STREAM: version}, context=CONTEXT)
    (outcome,) = await log.append([wish])
    assert isinstance(outcome, Receipt)
    assert outcome.position == outcome.version
    return outcome.position


def _sound(check: LogCheck) -> None:
    assert not check.wounds, check.examples
    assert check.notes.events > 0
    assert check.events >= check.notes.events
