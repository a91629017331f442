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

import pytest

from tests.api.running import ask, get, kroniek, position

SCALE = "0.01"
START_WITHIN_S = 120


@pytest.fixture(params=["embedded", "at a URL"])
def environment(request: pytest.FixtureRequest, open_tmp_folder: Path) -> dict[str, str]:
    folder = open_tmp_folder / f"platform-{request.param.replace(' ', '-')}"
    folder.mkdir(mode=0o755, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRONIEK_")}
    environment |= {"KRONIEK_DATA_DIR": str(folder / "data"), "KRONIEK_LOG_FORMAT": "json"}
    if request.param == "at a URL":
        environment["KRONIEK_DATABASE_URL"] = request.getfixturevalue("empty_database_url")
    return environment


def test_one_command_gives_a_platform_that_survives_its_own_death(environment: dict[str, str]) -> None:
    with kroniek(environment, "demo", "--scale", SCALE) as (process, base):
        status, page = get(f"{base['dashboard']}/en?jurisdiction=nl&period=2018")
        assert status == 200
        assert "Kroniek" in page
        assert get(base["apiDocs"])[0] == 200
        assert get(base["graphiql"], accept="text/html")[0] == 200
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
