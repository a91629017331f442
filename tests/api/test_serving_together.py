"""Two `kroniek serve` on one database: one limit, each proof once, and logs that are JSON to the last character."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.composition.log_and_rules import utc_now
from application.ports import Caller, Role
from tests import forked
from tests.api.world import Processes, as_processes
from tests.infrastructure.proving import PROOF_KEY, proof
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("durable")

REQUESTS_PER_MINUTE = 40

FAILURES = '''
"""What goes wrong in a process beside what its own code logs; Python runs this at its start."""
import asyncio, gc, logging, sys, threading, time, warnings

class Unraisable:
    def __del__(self):
        raise LookupError("while it is deleted")

async def forgotten():
    task = asyncio.create_task(asyncio.sleep(0, result=1 / 1))
    task.add_done_callback(lambda _: 1 / 0)
    await asyncio.sleep(0.01)

def fail():
    while not logging.getLogger().handlers or "api.composition.bootstrap" not in sys.modules:
        time.sleep(0.05)
    time.sleep(0.3)
    warnings.simplefilter("always")
    warnings.warn("something is\\nnot as it should be")
    Unraisable()
    asyncio.run(forgotten())
    logging.getLogger("library").warning("%d of them", "three")
    logging.getLogger("library").warning("half a pair: %s", chr(0xD800))
    raise RuntimeError("nobody catches this\\nin its thread")

threading.Thread(target=fail, name="failing", daemon=True).start()
'''


@dataclass(frozen=True)
class Serving:
    """Processes that serve one database, and what they have written to standard error, by their number."""

    processes: Sequence[Processes]
    errors: Sequence[Path]
    environment: Mapping[str, str]

    def lines(self, number: int) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.errors[number].read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def together(module_database_url: str, module_keys_url: str, open_tmp_folder: Path) -> Iterator[Serving]:
    folder = open_tmp_folder / "together"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAILURES, encoding="utf-8")
    environment = forked.environment(
        KRONIEK_DATA_DIR=str(folder),
        KRONIEK_DATABASE_URL=module_database_url,
        KRONIEK_KEYS_URL=module_keys_url,
        KRONIEK_LOG_FORMAT="json",
        KRONIEK_REQUESTS_PER_MINUTE=str(REQUESTS_PER_MINUTE),
    )
    errors = [folder / f"{number}.log" for number in range(2)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(as_processes(each, "serve", errors=stack.enter_context(path.open("w"))))
            for path, each in zip(errors, (environment, environment | {"PYTHONPATH": str(folder)}), strict=True)
        ]
        yield Serving(processes, errors, environment)


def test_processes_keep_one_limit(together: Serving) -> None:
    began = time.monotonic()
    callers = [process.caller(Role.AGENCY, "org-limited") for process in together.processes]
    answers = [callers[number % 2].reads("/projections") for number in range(2 * REQUESTS_PER_MINUTE)]
    granted = sum(answer.status_code != 429 for answer in answers)
    filled = (time.monotonic() - began) * REQUESTS_PER_MINUTE / 60
    assert REQUESTS_PER_MINUTE <= granted <= REQUESTS_PER_MINUTE + filled + 1
    assert {answer.status_code for answer in answers[-2:]} == {429}


def test_a_proof_that_one_process_took_is_refused_by_the_other(together: Serving) -> None:
    one, other = together.processes
    caller = Caller(subject="official-7", role=Role.AUDITOR, organisation_id="org-proving")
    token = one.issuer.issue(caller, utc_now(), timedelta(minutes=5), thumbprint=PROOF_KEY.thumbprint())
    # The address of the client, whose proxy chooses a process: both see one.
    address = {"Host": "api.example.be"}
    shown = proof(token, htm="GET", htu="http://api.example.be/projections", now=time.time())
    headers = {"Authorization": f"DPoP {token}", "DPoP": shown, **address}
    answers = [process.anybody.reads("/projections", headers).status_code for process in (one, other, one)]
    assert answers == [200, 401, 401]


def test_a_request_is_logged_with_the_organisation_of_its_caller_and_not_its_person(together: Serving) -> None:
    together.processes[0].caller(Role.AUDITOR, "org-named").reads("/projections")
    wait_until(lambda: _of(together, "org-named"), "the request is not logged")
    (line,) = _of(together, "org-named")
    assert (line["event"], line["route"], line["status"]) == ("request_answered", "/projections", 200)
    assert "official-7" not in together.errors[0].read_text(encoding="utf-8")


def test_all_that_a_process_writes_is_json_whatever_fails(together: Serving) -> None:
    wait_until(lambda: "nobody catches this" in together.errors[1].read_text(encoding="utf-8"), "nothing has failed")
    process = together.processes[1].process
    process.terminate()
    process.wait(60)
    lines = together.lines(1)
    events = [line["event"] for line in lines]
    assert {"api_started", "uncaught_exception", "line_lost", "api_stopped"} <= set(events)
    assert any("Started server process" in event for event in events)
    assert any("something is\nnot as it should be" in event for event in events)
    assert any("half a pair" in event for event in events)
    said = [line["exception"][0]["exc_type"] for line in lines if "exception" in line]
    assert {"LookupError", "RuntimeError", "ZeroDivisionError"} <= set(said)
    assert all({"at", "level", "logger", "event"} <= line.keys() for line in lines)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"KRONIEK_PORT": "none"}, 3), ({"KRONIEK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 4)],
)
def test_a_process_that_cannot_run_says_why_in_json(together: Serving, wrong: Mapping[str, str], code: int) -> None:
    done = forked.kroniek_done({**together.environment, "KRONIEK_DATABASE_WAIT_S": "1", **wrong}, "serve")
    *_, line = [json.loads(line) for line in done.err.splitlines()]
    assert (done.code, line["event"], line["exit_code"]) == (code, "process_ended", code)


def _of(together: Serving, organisation_id: str) -> list[dict[str, Any]]:
    return [line for line in together.lines(0) if line.get("organisation_id") == organisation_id]
