"""The platform as its users meet it: one command, real processes, on the embedded database and on one at a URL."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from api.cli.output import Exit
from infrastructure.database.embedded import EmbeddedPostgres
from tests import forked
from tests.api.world import Answer, Processes, as_processes, started
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("durable")

SCALE = "0.01"
START_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Demo:
    """A platform that the one command gave: with a history that was written from beginning to end, up to a position."""

    environment: dict[str, str]
    running: Processes
    position: int


@contextmanager
def demo(environment: dict[str, str]) -> Iterator[Demo]:
    with as_processes(environment, "demo", "--scale", SCALE) as running:
        wait_until(lambda: _nothing_is_late(running), "what fell due in the sample is not carried out")
        yield Demo(environment, running, running.position())


def _nothing_is_late(running: Processes) -> bool:
    status = running.anybody.reads("/health").json()["deadlines"]
    return bool(status["led"]) and status["late"] == 0


@pytest.fixture(scope="module")
def embedded_demo(open_tmp_folder: Path) -> Iterator[Demo]:
    with demo(_embedded(open_tmp_folder / "undisturbed")) as written:
        yield written


@pytest.fixture(params=["embedded", "at a URL"])
def first_demo(request: pytest.FixtureRequest, open_tmp_folder: Path) -> Iterator[Demo]:
    """A platform that was just given, on a database of its own making or on one that was there."""
    if request.param == "embedded":
        yield request.getfixturevalue("embedded_demo")
        return
    databases = {name: request.getfixturevalue(name) for name in ("empty_database_url", "keys_url")}
    with demo(_at_urls(open_tmp_folder / "at-a-url", **databases)) as written:
        yield written


@pytest.fixture(params=["embedded", "at a URL"])
def environment(request: pytest.FixtureRequest, open_tmp_folder: Path) -> dict[str, str]:
    folder = open_tmp_folder / f"{request.node.originalname}-{request.param.replace(' ', '-')}"
    if request.param == "embedded":
        return _embedded(folder)
    databases = {name: request.getfixturevalue(name) for name in ("empty_database_url", "keys_url")}
    return _at_urls(folder, **databases)


def _embedded(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o755)
    return forked.environment(KRONIEK_DATA_DIR=str(folder / "data"), KRONIEK_LOG_FORMAT="json")


def _at_urls(folder: Path, empty_database_url: str, keys_url: str) -> dict[str, str]:
    return _embedded(folder) | {"KRONIEK_DATABASE_URL": empty_database_url, "KRONIEK_KEYS_URL": keys_url}


def test_nothing_of_the_sample_stands_past_its_day(embedded_demo: Demo) -> None:
    caller = embedded_demo.running.with_token()
    now = datetime.now(UTC).isoformat()
    asked = caller.asks(
        "query ($now: DateTime!) { deadlines(where: {dueAt: {until: $now}}) { totalCount }"
        " mandates(where: {status: [ACTIVE]}) { edges { node { validUntil } } }"
        " busTransactions(where: {status: [ACCEPTED]}) { totalCount } }",
        {"now": now},
        {"Processing-Activity": "oversight"},
    ).data
    assert (asked["deadlines"]["totalCount"], asked["busTransactions"]["totalCount"]) == (0, 0)
    assert [edge for edge in asked["mandates"]["edges"] if edge["node"]["validUntil"] < now] == []
    listed = forked.kroniek_done(embedded_demo.environment, "deadlines", "list", "--late", "--json")
    assert (listed.code, json.loads(listed.out)) == (0, {"deadlines": []})
    assert forked.kroniek_done(embedded_demo.environment, "deadlines", "list").code == 0


def test_one_command_gives_a_platform_that_survives_its_own_death(first_demo: Demo) -> None:
    addresses, caller = first_demo.running.addresses, first_demo.running.with_token()
    page = caller.reads(f"{addresses['dashboard']}/en?jurisdiction=nl&period=2018")
    assert page.status_code == 200
    assert "Kroniek" in page.text
    for name in ("apiDocs", "administration"):
        assert caller.reads(addresses[name]).status_code == 200
    assert caller.reads(addresses["graphql"], {"Accept": "text/html"}).status_code == 200
    answer = caller.asks("{ organisations(first: 3) { totalCount edges { node { id } } } }")
    assert answer.data["organisations"]["totalCount"] > 3
    first_demo.running.process.send_signal(signal.SIGKILL)
    first_demo.running.process.wait(30)
    started = time.monotonic()
    with demo(first_demo.environment) as second_demo:
        assert time.monotonic() - started < START_WITHIN_S
        assert second_demo.position == first_demo.position
        second_demo.running.process.terminate()
        assert second_demo.running.process.wait(30) == 0


def test_a_demo_killed_while_it_writes_goes_on_where_it_was(embedded_demo: Demo, open_tmp_folder: Path) -> None:
    folder = open_tmp_folder / "disturbed"
    disturbed, server = _embedded(folder), EmbeddedPostgres(folder / "data")
    for enough in (1, embedded_demo.position // 2):
        process = started(disturbed, "demo", "--scale", SCALE)
        wait_until(lambda: _written(server) >= enough, "nothing is written")  # noqa: B023 - called here
        assert process.poll() is None, "it was to be killed in the middle"
        process.kill()
        process.communicate(timeout=30)
        assert _written(server) < embedded_demo.position, "it was to be killed in the middle"
    with demo(disturbed) as ended:
        assert ended.position == embedded_demo.position


def test_a_sample_is_said_by_whoever_serves_it_and_takes_no_other(embedded_demo: Demo) -> None:
    embedded_demo.running.process.terminate()
    embedded_demo.running.process.wait(30)
    for other in (("--scale", "0.02"), ("--scale", SCALE, "--seed", "1")):
        done = forked.kroniek_done(embedded_demo.environment, "sample", *other)
        assert done.code == Exit.CHANGED
        assert re.fullmatch(rb"kroniek: The log already holds events [^\n]* its own seed and scale\.\n", done.err)
    with as_processes(embedded_demo.environment, "serve") as running:
        assert running.position() == embedded_demo.position
        assert "Sample data" in running.anybody.reads("/dashboard/en").text


def _written(server: EmbeddedPostgres) -> int:
    """Return the position that a log has reached; 0 as long as there is none."""
    with suppress(FileNotFoundError, psycopg.Error), psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM log.event").fetchone()
        return 0 if row is None else int(row[0])
    return 0


def test_a_killed_worker_is_started_again_and_goes_on(environment: dict[str, str]) -> None:
    with as_processes(environment, "serve") as running:
        (worker,) = psutil.Process(running.process.pid).children()
        worker.kill()
        administrator = running.with_token(_token(environment, "administrator"))
        written = administrator.does(
            "/organisations",
            {
                "names": {"nl": "Gemeente Voorbeeld"},
                "organisationType": "municipality",
                "level": "local",
                "enterpriseNumber": "0123456749",
                "jurisdiction": "be",
            },
        )
        answers: list[Answer] = []

        def answered() -> bool:
            query = "{ organisations { edges { node { nameNl } } } }"
            answers.append(administrator.asks(query, position=written["position"]))
            return "data" in answers[-1].body

        wait_until(answered, "the read models do not contain the command")
        (edge,) = answers[-1].data["organisations"]["edges"]
        assert edge["node"]["nameNl"] == "Gemeente Voorbeeld"


def _token(environment: dict[str, str], role: str) -> str:
    done = forked.kroniek_done(environment, "token", "--role", role, "--organisation", "kroniek")
    assert done.code == 0, done.err
    return done.out.decode().strip()


def test_wrong_settings_are_told_before_anything_starts(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--json"],
        env=environment | {"KRONIEK_PORT": "many", "KRONIEK_TYPO": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=START_WITHIN_S,
    )
    assert done.returncode == 3
    error = json.loads(done.stdout)
    assert error["exitCode"] == 3
    assert re.search("KRONIEK_PORT.*", error["error"])
    assert "KRONIEK_TYPO" in error["error"]
