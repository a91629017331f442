"""`kroniek log`, as a process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.cli.output import Exit
from infrastructure.codec import Codec
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.slow_statements import slowest_statements
from infrastructure.event_log.postgres_log import PostgresLog
from tests.forked import environment, kroniek_done
from tests.infrastructure.sample_counter import DECIDER, append


def test_partitions_are_taken_out_and_put_back_and_a_lost_end_is_found_and_repaired(open_tmp_folder: Path) -> None:
    folder = open_tmp_folder / "log-command"
    assert run(folder, "partitions") == (0, [])
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute("UPDATE log.identity SET partition_events = 10")
            owner.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
            owner.execute("ALTER TABLE log.event ATTACH PARTITION log.event_1 FOR VALUES FROM (1) TO (11)")
            owner.execute("UPDATE log.partition SET last_position = 10")
        asyncio.run(_fill(server.url))
        code, found = run(folder, "partitions")
        assert code == 0
        assert [(part["first_position"], part["last_position"], part["attached"]) for part in found] == [
            (1, 10, True),
            (11, 20, True),
            (21, 25, True),
        ]
        code, refused = run(folder, "detach", "2")
        assert (code, refused["error"]) == (2, "Partitions are detached from the oldest on.")
        code, found = run(folder, "detach", "1")
        assert (code, [part["attached"] for part in found]) == (0, [False, True, True])
        code, found = run(folder, "attach", "1")
        assert (code, [part["attached"] for part in found]) == (0, [True, True, True])
        assert run(folder, "check") == (0, {"head": 25, "newest": 25, "lost": 0, "whole": True})
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute("ALTER TABLE log.event_3 DISABLE TRIGGER ALL")
            owner.execute("DELETE FROM log.event_3 WHERE position > 23")
            owner.execute("ALTER TABLE log.event_3 ENABLE ALWAYS TRIGGER event_is_append_only")
        assert run(folder, "check") == (9, {"head": 25, "newest": 23, "lost": 2, "whole": False})
        code, refused = run(folder, "partitions")
        assert (code, "kroniek log repair" in refused["error"]) == (4, True)
        code, refused = run(folder, "repair")
        assert (code, "--accept-loss 2" in refused["error"]) == (2, True)
        assert run(folder, "repair", "--accept-loss", "2")[0] == 0
        assert run(folder, "check") == (0, {"head": 23, "newest": 23, "lost": 0, "whole": True})
        assert run(folder, "partitions")[0] == 0
    finally:
        server.stop()


@pytest.mark.usefixtures("durable")
def test_slow_statements_are_listed_by_their_form(postgres: EmbeddedPostgres, database_url: str, keys_url: str) -> None:
    # The server counts a thousand statements; those that were counted least make room for new ones.
    with psycopg.connect(postgres.superuser_url.rpartition("/")[0] + "/postgres", autocommit=True) as server:
        server.execute("SELECT pg_stat_statements_reset()")
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SELECT pg_sleep(0.25), '85073003328' AS of_a_person")
        owner.execute("SELECT pg_sleep(0.2), %s AS by_parameter", ("85073003328",))
    addressed = environment(KRONIEK_DATABASE_URL=database_url, KRONIEK_KEYS_URL=keys_url)
    done = kroniek_done(addressed, "log", "slow", "--most", "1000", "--json", within_s=60)
    assert done.code == 0, done.out
    found = {it["statement"]: it for it in done.said}
    slow = found["SELECT pg_sleep($1), $2 AS of_a_person"]
    assert (slow["role"], slow["calls"], slow["longest_ms"] >= 250) == ("kroniek", 1, True)
    assert any("by_parameter" in statement for statement in found)
    longest = [it["longest_ms"] for it in done.said]
    assert longest == sorted(longest, reverse=True)
    assert b"85073003328" not in done.out
    with psycopg.connect(postgres.superuser_url) as server:
        row = server.execute("SELECT pg_read_file(pg_current_logfile())").fetchone()
        assert row is not None
        assert "85073003328" not in row[0]


@pytest.mark.usefixtures("durable")
def test_a_server_that_does_not_count_says_what_to_do(
    postgres: EmbeddedPostgres, database_url: str, keys_url: str
) -> None:
    elsewhere = postgres.superuser_url.rpartition("/")[0] + "/postgres"
    with psycopg.connect(elsewhere, autocommit=True) as server:
        server.execute("ALTER EXTENSION pg_stat_statements SET SCHEMA information_schema")
        try:
            assert slowest_statements(database_url, 1)
        finally:
            server.execute("ALTER EXTENSION pg_stat_statements SET SCHEMA public")
        server.execute("DROP EXTENSION pg_stat_statements")
        try:
            done = kroniek_done(
                environment(KRONIEK_DATABASE_URL=database_url, KRONIEK_KEYS_URL=keys_url), "log", "slow", within_s=60
            )
        finally:
            server.execute("CREATE EXTENSION pg_stat_statements")
    assert (done.code, b"shared_preload_libraries" in done.err) == (Exit.NO_DATABASE, True)


async def _fill(url: str) -> None:
    async with PostgresLog(url, Codec([DECIDER]), b"key") as log:
        await log.append([append("counter-a", *range(25), at=0)])


def run(folder: Path, *arguments: str) -> tuple[int, Any]:
    done = kroniek_done(environment(KRONIEK_DATA_DIR=str(folder)), "log", *arguments, "--json", within_s=60)
    return done.code, done.said
