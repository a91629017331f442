"""A platform on a primary and its standby: it waits while they fail over, finds that one is cut off, and loses nothing.

One `kroniek serve` lives through all tests of this file, in their order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.ports import Role
from tests.api.world import Client, Processes, as_processes, organisation
from tests.forked import environment
from tests.infrastructure.standbys import Replicated, replicated
from tests.lengths import sized
from tests.waiting import wait_until

SENDERS = 3
SAID_WITHIN_S = 10
WRITTEN_WITHIN_S = 120


@pytest.fixture(scope="module")
def servers(open_tmp_folder: Path) -> Iterator[Replicated]:
    folder = open_tmp_folder / "failover"
    folder.mkdir()
    with replicated(folder) as servers:
        yield servers


@pytest.fixture(scope="module")
def platform(servers: Replicated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A platform that was started while there was no primary, and whose queries read the standby."""
    folder = tmp_path_factory.mktemp("platform")
    settings = environment(
        KRONIEK_DATA_DIR=str(folder),
        KRONIEK_DATABASE_URL=servers.url("kroniek"),
        KRONIEK_DATABASE_URL_READER=servers.standby_url,
        KRONIEK_KEYS_URL=servers.url("kroniek_keys"),
        KRONIEK_LOG_FORMAT="json",
    )
    errors = folder / "log"
    servers.primary.stop()
    primary_comes = threading.Thread(target=_start_once_awaited, args=(servers, errors))
    primary_comes.start()
    with errors.open("w") as written, as_processes(settings, "serve", errors=written) as platform:
        primary_comes.join()
        yield platform


def _start_once_awaited(servers: Replicated, log: Path) -> None:
    wait_until(lambda: log.exists() and '"database_awaited"' in log.read_text(), "it does not wait", within_s=60)
    servers.primary.start()


def findings(caller: Client) -> dict[str, str]:
    checks = caller.reads("/health").json()["checks"]
    return {name: it["output"] for name, (it,) in checks.items() if it["status"] != "pass"}


def test_a_platform_waits_for_its_database_and_calls_nothing_dead_that_it_reads_on_a_standby(
    platform: Processes,
) -> None:
    wait_until(lambda: findings(platform.anybody) == {}, "it does not become well", within_s=60)
    assert platform.anybody.reads("/health").json()["standby"]["read"]


def test_a_standby_that_is_cut_off_is_found(platform: Processes, servers: Replicated) -> None:
    with servers.cut_off():
        wait_until(lambda: "standbys" in findings(platform.anybody), "nobody says so", within_s=SAID_WITHIN_S)
        wait_until(
            lambda: (
                findings(platform.anybody).get("standbys")
                == "the standby that queries read is cut off; the standby of the replication slot standby_1 is cut off"
            ),
            "not everything is said",
        )
    wait_until(lambda: findings(platform.anybody) == {}, "it stays cut off", within_s=60)


def test_a_primary_that_hangs_fails_a_check_and_holds_up_nothing_else(platform: Processes, servers: Replicated) -> None:
    with servers.hanging_primary():
        began = time.monotonic()
        found = findings(platform.anybody)
        assert time.monotonic() - began < SAID_WITHIN_S
        assert found["writing"] == "writing was not measured within 5 s"
        assert "database" not in found, "queries read the standby"
        assert (platform.anybody.reads("/livez").status_code, platform.anybody.reads("/readyz").status_code) == (
            200,
            200,
        )
    wait_until(lambda: findings(platform.anybody) == {}, "it goes on hanging", within_s=60)


@dataclass
class Senders:
    """Threads that register organisations one after the other, and note what was acknowledged."""

    platform: Processes
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def send(self, first: int) -> None:
        caller = self.platform.caller(Role.ADMINISTRATOR)
        serial = first
        while not self.stop.is_set():
            answer = caller.sends("/organisations", organisation(f"org-{serial}", serial))
            if answer.status_code == 201:
                self.acknowledged.append(int(answer.headers["x-position"]))
            else:
                self.others.append(answer.status_code)
            serial += SENDERS


@contextmanager
def sending(platform: Processes) -> Iterator[Senders]:
    senders = Senders(platform)
    threads = [threading.Thread(target=senders.send, args=(1_000 + number,)) for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield senders
    finally:
        senders.stop.set()
        for thread in threads:
            thread.join()


def test_a_primary_that_is_killed_loses_nothing_and_writing_goes_on_without_a_restart(
    platform: Processes, servers: Replicated
) -> None:
    enough = sized(30, long=1_000)
    with sending(platform) as senders:
        wait_until(lambda: len(senders.acknowledged) >= enough, "nothing is written", within_s=WRITTEN_WITHIN_S)
        servers.kill_primary()
        wait_until(lambda: "writing" in findings(platform.anybody), "nobody says so", within_s=SAID_WITHIN_S)
        servers.promote()
        more = len(senders.acknowledged) + enough
        wait_until(lambda: len(senders.acknowledged) >= more, "writing does not go on", within_s=WRITTEN_WITHIN_S)
    assert set(senders.others) <= {503}, "who has no answer is told to come back"
    assert positions_on(servers.standby_url) >= set(senders.acknowledged)
    assert len(set(senders.acknowledged)) == len(senders.acknowledged)
    assert platform.process.poll() is None
    wait_until(lambda: findings(platform.anybody) == {}, "it does not become well again", within_s=60)


def positions_on(url: str) -> set[Any]:
    with psycopg.connect(url) as connection:
        return {position for (position,) in connection.execute("SELECT position FROM log.event").fetchall()}
