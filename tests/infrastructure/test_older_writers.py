"""An older release that writes beside this one is refused, and the log stays writable (docs/adr/0054)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from application.ports import Receipt
from infrastructure.codec import Codec
from infrastructure.database.migrations import migrate
from infrastructure.event_log.log_statements import APPEND_PROTOCOL
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import WriterOutdatedError
from tests.infrastructure.older_writers import OlderWriter, migrations_until, write_as_0_1_0, write_without_protocol
from tests.infrastructure.sample_counter import DECIDER, append
from tests.waiting import wait_until

pytestmark = pytest.mark.anyio

HOW_THE_LOG_IS_WRITTEN = {14: "e3088a968ee7aabfcd04c6cacdee6570fce6ba8d93e5551df9f7c0bf1235774d"}
"""For each protocol the SHA-256 of the body of `log.append`."""

RELEASES = pytest.mark.parametrize(
    ("write", "last_migration"),
    [(write_as_0_1_0, 2), (write_without_protocol, 3), (write_without_protocol, 11), (write_without_protocol, 13)],
)
OUTDATED = pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="writes the log in another way")


@pytest.fixture
def older(empty_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the older release, which is the owner of the database, as in a demo."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


@RELEASES
async def test_an_older_release_is_refused_and_the_log_stays_writable(
    empty_database_url: str, older: psycopg.Connection, tmp_path: Path, write: OlderWriter, last_migration: int
) -> None:
    migrate(empty_database_url, migrations_until(last_migration, tmp_path))
    write(older, "counter-a")
    write(older, "counter-a")
    migrate(empty_database_url)
    with OUTDATED:
        write(older, "counter-a")
    async with PostgresLog(empty_database_url, Codec([DECIDER]), b"key") as log:
        (outcome,) = await log.append([append("counter-a", 3, at=2)])
        assert isinstance(outcome, Receipt)
        assert (outcome.version, outcome.position) == (3, 3)
        for stream in ("counter-a", "counter-b"):
            with OUTDATED:
                write(older, stream)
        await log.append([append("counter-b", 1, at=0)])
        assert (await log.read(["counter-a"]))["counter-a"].version == 3
    assert _positions(older) == [1, 2, 3, 4]


@RELEASES
async def test_an_older_release_that_writes_all_the_while_leaves_a_whole_log(
    empty_database_url: str, older: psycopg.Connection, tmp_path: Path, write: OlderWriter, last_migration: int
) -> None:
    migrate(empty_database_url, migrations_until(last_migration, tmp_path))
    written: list[int] = []
    refusals: list[psycopg.Error] = []

    def write_until_refused() -> None:
        while not refusals:
            try:
                write(older, f"counter-{len(written)}")
                written.append(1)
            except psycopg.Error as error:
                refusals.append(error)

    writing = threading.Thread(target=write_until_refused)
    writing.start()
    wait_until(lambda: len(written) > 10, "the older release does not write")
    migrate(empty_database_url)
    writing.join()
    assert isinstance(refusals[0], psycopg.errors.ObjectNotInPrerequisiteState)
    async with PostgresLog(empty_database_url, Codec([DECIDER]), b"key") as log:
        (outcome,) = await log.append([append("counter-last", 1, at=0)])
    assert isinstance(outcome, Receipt)
    assert _positions(older) == [*range(1, len(written) + 2)]


async def test_this_release_is_refused_by_a_log_that_a_newer_one_writes(database_url: str) -> None:
    async with PostgresLog(database_url, Codec([DECIDER]), b"key") as log:
        await log.append([append("counter-a", 1, at=0)])
        with psycopg.connect(database_url, autocommit=True) as owner:
            row = owner.execute(f"SELECT pg_get_functiondef(oid) {_PRESENT_APPEND}").fetchone()
            assert row is not None
            owner.execute(row[0].replace(f"DISTINCT FROM {APPEND_PROTOCOL}", f"DISTINCT FROM {APPEND_PROTOCOL + 1}"))
        with pytest.raises(WriterOutdatedError, match="newer release"):
            await log.append([append("counter-a", 1, at=1)])
        assert (await log.read(["counter-a"]))["counter-a"].version == 1


def test_the_log_is_written_in_another_way_under_another_protocol_only(database_url: str) -> None:
    """A migration that changes `log.append` decides whether older releases may write beside it.

    If they may not, its number becomes APPEND_PROTOCOL, and that of `log.append` and its triggers. If they may, the
    digest of the protocol is replaced here.
    """
    with psycopg.connect(database_url) as connection:
        row = connection.execute(f"SELECT prosrc {_PRESENT_APPEND}").fetchone()
        assert row is not None
        assert {APPEND_PROTOCOL: hashlib.sha256(row[0].encode()).hexdigest()} == HOW_THE_LOG_IS_WRITTEN
        triggers = connection.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%%is_appended' "
            "AND pg_get_triggerdef(oid) LIKE %s ORDER BY 1",
            (f"%DISTINCT FROM '{APPEND_PROTOCOL}'%",),
        ).fetchall()
        assert triggers == [("log.claim",), ("log.event",), ("log.receipt",)]


_PRESENT_APPEND = "FROM pg_proc WHERE oid::regproc::text = 'log.append' AND proargnames[1] = 'protocol'"


def _positions(connection: psycopg.Connection) -> list[int]:
    """Return the positions of all events, the last of which is the head of the log."""
    positions = [row[0] for row in connection.execute("SELECT position FROM log.event ORDER BY position").fetchall()]
    assert connection.execute("SELECT log.head()").fetchone() == (positions[-1],)
    return positions
