"""`kroniek log`, as a process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.codec import Codec
from infrastructure.database.embedded import EmbeddedPostgres
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


async def _fill(url: str) -> None:
    async with PostgresLog(url, Codec([DECIDER]), b"key") as log:
        await log.append([append("counter-a", *range(25), at=0)])


def run(folder: Path, *arguments: str) -> tuple[int, Any]:
    done = kroniek_done(environment(KRONIEK_DATA_DIR=str(folder)), "log", *arguments, "--json", within_s=60)
    return done.code, done.said
