"""The platform that is fuzzed: the world of the tests of the doors, and read models that contain it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rows.definitions import platform as platform_definitions
from projections.registry import PROJECTIONS
from tests.api.world import World, built_world
from tests.waiting import wait_until


@contextmanager
def fuzzed_world(url: str, keys_url: str, folder: Path) -> Iterator[World]:
    """Open the doors over the world at a migrated database, without budgets; its read models stand still."""
    # No budget: whoever asks thousands of times in a minute is told so, and nothing else would be seen.
    unlimited: dict[str, Any] = {"requests_per_minute": 0, "graphql_cost_per_minute": 0}
    with built_world(folder, url, keys_url, log_level="error", **unlimited) as world:
        world.does("resume-projection", projection="keys", why="its rows are to be read")
        project(url)
        # A stream of events never ends by itself, and a test client waits for the whole of an answer.
        world.app.state.end_streams()
        yield world


def project(url: str) -> None:
    """Let a worker make the read models, until they contain the whole log."""
    done = threading.Event()
    worker = Worker(url, platform_definitions())
    thread = threading.Thread(target=worker.run, args=(done.is_set,))
    thread.start()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            wait_until(lambda: _contain_all(connection), "the read models do not contain the world")
    finally:
        done.set()
        thread.join()


def _contain_all(connection: psycopg.Connection) -> bool:
    query = (
        "SELECT count(*) FROM read.checkpoint"
        " WHERE position = (SELECT max(position) FROM log.event) AND projection = ANY (%s)"
    )
    names = [projection.name for projection in PROJECTIONS]
    return connection.execute(query, (names,)).fetchone() == (len(names),)
