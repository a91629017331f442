"""The platform as its users meet it: one command, real processes, on the embedded database and on one at a URL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.api.running import ask, get, kroniek, position, post, start

SCALE = "0.01"
LONGER_SCALE = "0.05"
START_WITHIN_S = 120


@pytest.fixture(params=["embedded", "at a URL"])
def environment(request: pytest.FixtureRequest, open_tmp_folder: Path) -> dict[str, str]:
    environment = _embedded(open_tmp_folder / f"{request.node.originalname}-{request.param.replace(' ', '-')}")
    if request.param == "at a URL":
        environment["KRONIEK_DATABASE_URL"] = request.getfixturevalue("empty_database_url")
        environment["KRONIEK_KEYS_URL"] = request.getfixturevalue("keys_url")
    return environment


def _embedded(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o755)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KRONIEK_")}
    return bare | {"KRONIEK_DATA_DIR": str(folder / "data"), "KRONIEK_LOG_FORMAT": "json"}


def test_one_command_gives_a_platform_that_survives_its_own_death(environment: dict[str, str]) -> None:
    with kroniek(environment, "demo", "--scale", SCALE) as (process, base):
        status, page = get(f"{base['dashboard']}/en?jurisdiction=nl&period=2018")
        assert status == 200
        assert "Kroniek" in page
        assert get(base["apiDocs"])[0] == 200
        assert get(base["graphql"], accept="text/html")[0] == 200
        answer = ask(base, "{ organisations(first: 3) { totalCount edges { node { id } } } }")
        assert answer["data"]["organisations"]["totalCount"] > 3
        written = position(base)
        process.send_signal(signal.SIGKILL)
    started = time.monotonic()
    with kroniek(environment, "demo", "--scale", SCALE) as (process, base):
        assert time.monotonic() - started < START_WITHIN_S
        assert position(base) == written
        process.terminate()
        assert process.wait(30) == 0


def test_a_demo_killed_while_it_writes_goes_on_where_it_was(open_tmp_folder: Path) -> None:
    undisturbed, disturbed = (_embedded(open_tmp_folder / name) for name in ("undisturbed", "disturbed"))
    with kroniek(undisturbed, "demo", "--scale", LONGER_SCALE) as (_, base):
        expected = position(base)
    for seconds in (2.5, 1.5):
        process = start(disturbed, "demo", "--scale", LONGER_SCALE)
        time.sleep(seconds)
        assert process.poll() is None, "it was to be killed in the middle"
        process.kill()
        process.communicate(timeout=30)
    with kroniek(disturbed, "demo", "--scale", LONGER_SCALE) as (_, base):
        assert position(base) == expected


def test_a_killed_worker_is_started_again_and_goes_on(environment: dict[str, str]) -> None:
    with kroniek(environment, "serve") as (process, base):
        address = base["apiDocs"].removesuffix("/docs")
        (worker,) = psutil.Process(process.pid).children()
        worker.kill()
        token = _token(environment, "administrator")
        written = post(
            f"{address}/organisations",
            token,
            {
                "names": {"nl": "Gemeente Voorbeeld"},
                "organisationType": "municipality",
                "level": "local",
                "enterpriseNumber": "0123456749",
                "jurisdiction": "be",
            },
        )
        query = "{ organisations { edges { node { nameNl } } } }"
        for _ in range(20):
            answer = ask(base | {"token": token}, query, position=written["position"])
            if "data" in answer:
                break
        (edge,) = answer["data"]["organisations"]["edges"]
        assert edge["node"]["nameNl"] == "Gemeente Voorbeeld"


def _token(environment: dict[str, str], role: str) -> str:
    command = [sys.executable, "-m", "api.cli", "token", "--role", role, "--organisation", "kroniek"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_wrong_settings_are_told_before_anything_starts(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--json"],
        env=environment | {"KRONIEK_PORT": "many", "KRONIEK_TYPO": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 3
    error = json.loads(done.stdout)
    assert error["exitCode"] == 3
    assert re.search("KRONIEK_PORT.*", error["error"])
    assert "KRONIEK_TYPO" in error["error"]
