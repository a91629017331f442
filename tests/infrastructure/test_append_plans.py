"""Statements of the log are planned once in a session: such a plan has to stay right while the log grows."""

from __future__ import annotations

import psycopg
import pytest

from application.ports import Idempotency, Receipt
from infrastructure.codec import Codec
from infrastructure.event_log.log_statements import AS_APPEND
from infrastructure.event_log.postgres_log import PostgresLog
from tests.infrastructure.sample_counter import DECIDER, append
from tests.waiting import until

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
STREAMS = 2_000
APPENDS = 10
MAX_ROWS_EACH = 5

ROWS_READ = """
SELECT sum(idx_tup_read) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relid = 'log.stream'::regclass)
FROM pg_stat_user_indexes WHERE relid IN ('log.stream'::regclass, 'log.receipt'::regclass)
"""
GROW = """
INSERT INTO log.stream SELECT 'counter-' || n, 1, n, n FROM generate_series(1, %s) AS n;
"""
GROW_RECEIPTS = """
INSERT INTO log.receipt SELECT 'o', 'k' || n, '', 'counter-' || n, 1, n, '{}', now() FROM generate_series(1, %s) AS n
"""


async def test_a_plan_made_on_a_small_log_reads_by_index_when_the_log_has_grown(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as filling:
        await filling.append([append("counter-first", 1, at=0, idempotency=_key("first"))])
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ANALYZE")
        async with PostgresLog(database_url, CODEC, b"key") as log:
            await _use(log, -1)  # here the plans are made: the statistics say that there is one stream, one receipt
            owner.execute(AS_APPEND)
            owner.execute(GROW, (STREAMS,))
            owner.execute(GROW_RECEIPTS, (STREAMS,))
            before = _rows_read(owner)
            for number in range(APPENDS):
                await _use(log, number)
        # A session adds to the statistics, at the latest, when it ends.
        await until(lambda: _sessions(owner) == 1, "the sessions of the log do not end")
        assert 0 < _rows_read(owner) - before <= APPENDS * MAX_ROWS_EACH


async def _use(log: PostgresLog, number: int) -> None:
    (begun,) = await log.append([append(f"counter-new-{number}", 1, at=0, idempotency=_key(f"a{number}"))])
    (raised,) = await log.append([append(f"counter-new-{number}", 1, at=1, idempotency=_key(f"b{number}"))])
    assert isinstance(begun, Receipt)
    assert isinstance(raised, Receipt)
    assert (await log.read([f"counter-new-{number}"]))[f"counter-new-{number}"].version == 2
    assert await log.receipts([_key(f"a{number}")])


def _key(key: str) -> Idempotency:
    return Idempotency(organisation_id="o", key=key, fingerprint=b"")


def _sessions(connection: psycopg.Connection) -> int:
    return len(connection.execute("SELECT FROM pg_stat_activity WHERE datname = current_database()").fetchall())


def _rows_read(connection: psycopg.Connection) -> int:
    row = connection.execute(ROWS_READ).fetchone()
    assert row is not None
    return int(row[0])
