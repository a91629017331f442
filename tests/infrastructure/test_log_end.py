"""A log that lost its end is refused with the command that repairs it; read models ahead of a log stand still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from application.ports import Idempotency, Receipt
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.log_end import LogEnd, LogRepairRefusedError, check_log_end, read_log_end, repair_log_end
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.read_models.reading import ReadModels
from projections.progress import ProjectionState
from tests.infrastructure.emptying import lose_events, put_back
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, DECIDER, append, counted

CODEC = Codec([DECIDER])
Connection = psycopg.Connection[Any]


@pytest.fixture
def owner(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def append_all(url: str, *appends: Any) -> list[int]:
    async with PostgresLog(url, CODEC, b"key") as log:
        outcomes = await log.append(appends)
    return [outcome.position for outcome in outcomes if isinstance(outcome, Receipt)]


def streams(owner: Connection) -> dict[str, tuple[int, int]]:
    """Return version and last position by stream."""
    found = owner.execute("SELECT stream, version, last_position FROM log.stream").fetchall()
    return {name: (version, position) for name, version, position in found}


def id_of(owner: Connection) -> object:
    return owner.execute("SELECT log.id()").fetchone()


@pytest.mark.anyio
async def test_a_log_that_lost_its_last_events_starts_again_only_when_their_loss_is_accepted(
    database_url: str, owner: Connection
) -> None:
    check_log_end(database_url)
    kept, lost = (Idempotency(organisation_id="o", key=key, fingerprint=b"1") for key in ("kept", "lost"))
    await append_all(database_url, append("counter-a", 1, 2, at=0, idempotency=kept))
    await append_all(database_url, append("counter-b", 1, at=0), append("counter-a", 3, at=2, idempotency=lost))
    log_id = id_of(owner)
    lose_events(owner, 2)

    with pytest.raises(DatabaseUnusableError, match=r"newest event of the log is 2, and its head is 4.*log repair"):
        check_log_end(database_url)
    for accepted in (0, 1, 3):
        with pytest.raises(LogRepairRefusedError, match="2 events that were confirmed are not there"):
            repair_log_end(owner, accepted)
    assert repair_log_end(owner, 2) == LogEnd(head=4, newest=2)

    check_log_end(database_url)
    assert streams(owner) == {"counter-a": (2, 2)}
    assert owner.execute("SELECT key FROM log.receipt").fetchall() == [("kept",)]
    assert id_of(owner) != log_id
    assert await append_all(database_url, append("counter-b", 7, at=0), append("counter-a", 8, at=2)) == [3, 4]
    assert repair_log_end(owner, 0).whole, "it is safe to repeat"


@pytest.mark.anyio
async def test_a_log_whose_head_was_lost_is_repaired_without_a_loss(database_url: str, owner: Connection) -> None:
    await append_all(database_url, append("counter-a", 1, at=0))
    log_id = id_of(owner)
    before = owner.execute("SELECT * FROM log.commit").fetchall()
    await append_all(database_url, append("counter-a", 2, at=1), append("counter-b", 1, at=0))
    owner.execute("TRUNCATE log.commit")
    owner.cursor().executemany("INSERT INTO log.commit VALUES (%s, %s, %s, %s)", before)
    owner.execute("DELETE FROM log.stream WHERE stream = 'counter-b'")
    assert read_log_end(owner) == LogEnd(head=1, newest=3)
    with pytest.raises(DatabaseUnusableError, match="log repair"):
        check_log_end(database_url)
    with pytest.raises(LogRepairRefusedError, match="No event is lost"):
        repair_log_end(owner, 2)
    repair_log_end(owner, 0)
    assert streams(owner) == {"counter-a": (2, 2), "counter-b": (1, 3)}
    assert id_of(owner) == log_id, "it is the same log"
    assert await append_all(database_url, append("counter-b", 7, at=1)) == [4]


@pytest.mark.anyio
async def test_read_models_ahead_of_a_log_that_was_put_back_stand_still_until_they_are_rebuilt(
    database_url: str, owner: Connection
) -> None:
    await append_all(database_url, append("counter-a", 1, 2, 3, at=0), append("counter-b", 4, at=0))
    projector = Projector(owner, counted())
    projector.prepare()
    assert projector.catch_up() == 4
    put_back(owner, 2)
    read_models = [COUNTERS, COUNTER_SUMS]
    reads = ReadModels(Addresses.at(database_url).reader, read_models)
    try:
        for extra in (0, 3):  # at once, and when the log has grown beyond the checkpoint
            await append_all(database_url, *([append("counter-c", *[1] * extra, at=0)] if extra else []))
            assert projector.step() == 0
            progress = await reads.progress()
            assert {(it.state, it.position, it.ahead_of_log) for it in progress.projections} == {
                (ProjectionState.STOPPED, 4, True)
            }
            assert "rebuild it" in progress.projections[0].error
        rebuild(database_url, counted(), read_models, workers=1)
        healthy = await reads.progress()
        assert {(it.position, it.ahead_of_log, it.error) for it in healthy.projections} == {(5, False, "")}
        assert {it.previous_position for it in healthy.projections} == {None}, "rows of another log cannot come back"
        await append_all(database_url, append("counter-c", 9, at=3))
        assert projector.catch_up() == 6
        last = dict(owner.execute("SELECT counter_id, last_amount FROM read.test_counters_v1").fetchall())
    finally:
        await reads.aclose()
    assert last == {"a": 2, "c": 9}
