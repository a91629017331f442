"""`kroniek import` as administrators use it: real processes, which may be killed at any moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.composition.log_and_rules import make_codec
from domain.kernel import Recorded
from infrastructure.event_log.log_reader import LogReader
from infrastructure.import_history.lock import only_import
from infrastructure.system_events import ChunkImported
from tests import forked
from tests.check_digits import enterprise_number
from tests.lengths import runs_longer, sized
from tests.waiting import wait_until

pytestmark = [runs_longer, pytest.mark.usefixtures("durable")]

LINES = sized(15_000, long=60_000)
KILL_AFTER_CHUNKS = 4
WITHIN_S = 120


@pytest.fixture
def environment(database_url: str, keys_url: str, tmp_path: Path) -> dict[str, str]:
    return forked.environment(
        KRONIEK_DATA_DIR=str(tmp_path / "data"),
        KRONIEK_DATABASE_URL=database_url,
        KRONIEK_KEYS_URL=keys_url,
        KRONIEK_LOG_FORMAT="json",
    )


def start(environment: Mapping[str, str], *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "api.cli", "import", "--json", *map(str, arguments)]
    return subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(process: subprocess.Popen[bytes]) -> tuple[int, Any]:
    """Wait for the process; return its exit code and what it said."""
    said, _ = process.communicate(timeout=WITHIN_S)
    return process.returncode, json.loads(said)


def take(environment: Mapping[str, str], *arguments: object, given: bytes = b"") -> tuple[int, Any]:
    done = forked.kroniek_done(environment, "import", "--json", *map(str, arguments), given=given, within_s=WITHIN_S)
    return done.code, done.said


def recorded(environment: Mapping[str, str]) -> list[Recorded[Any]]:
    reader = LogReader(make_codec())
    with psycopg.connect(environment["KRONIEK_DATABASE_URL"]) as connection:
        return list(reader.read(connection, after=0, until=reader.head(connection)))


def written(path: Path, history: Sequence[Any]) -> Path:
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in history))
    return path


def refusals(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def killed_in_the_middle(environment: Mapping[str, str], *arguments: object) -> None:
    """Run an import, and kill it once it has written a few chunks."""
    process = start(environment, *arguments)
    with psycopg.connect(environment["KRONIEK_DATABASE_URL"], autocommit=True) as connection:
        query = "SELECT count(*) >= %s FROM log.event WHERE name = 'history.chunk-imported.v1'"
        wait_until(
            lambda: connection.execute(query, (KILL_AFTER_CHUNKS,)).fetchone() == (True,),
            "nothing is imported",
            within_s=WITHIN_S,
        )
    assert process.poll() is None, "it was to be killed in the middle"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=WITHIN_S)


# --- Events ---------------------------------------------------------------------------------------------------------


def granted(number: int, version: int) -> dict[str, Any]:
    person = f"person-{number}"
    return {
        "stream": f"consent-{person}.provider",
        "event": "consent.granted.v1",
        "version": version,
        "effectiveAt": "2021-11-03T09:30:00Z",
        "commandId": f"{number}:{version}",
        "data": {
            "person_id": person,
            "provider_id": "provider",
            "jurisdiction": "be",
            "grant_number": version,
            "notice_version": "2021",
            "session_id": "session",
            "acting_person_id": person,
            "mandate_id": "",
        },
    }


def test_a_killed_import_of_events_goes_on_and_has_every_event_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    history = [granted(n // 3, n % 3 + 1) for n in range(LINES)]
    wrong = list(range(500, LINES, 1_000))
    for number in wrong:
        history.insert(number, {"stream": "consent-nobody"})
    file, told = written(tmp_path / "history.ndjson", history), tmp_path / "refusals.ndjson"
    killed_in_the_middle(environment, file, "--refusals", told)
    code, result = take(environment, file, "--refusals", told)
    assert code == 7
    assert result["skippedLines"] >= KILL_AFTER_CHUNKS * 1_000
    assert (result["importId"], result["kind"], result["lines"]) == ("history", "events", len(history))
    assert (result["events"], result["refused"]) == (LINES, len(wrong))
    assert [(each["line"], each["code"]) for each in refusals(told)] == [(n + 1, "malformed-line") for n in wrong]
    log = recorded(environment)
    assert [each.position for each in log] == list(range(1, len(log) + 1))
    imported = [each.context.command_id for each in log if not isinstance(each.event, ChunkImported)]
    assert imported == [f"{n // 3}:{n % 3 + 1}" for n in range(LINES)]
    assert take(environment, file)[1]["skippedLines"] == len(history)
    assert recorded(environment) == log


def test_a_changed_file_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    file = written(tmp_path / "history.ndjson", [granted(1, 1), granted(1, 2)])
    assert take(environment, file)[0] == 0
    written(file, [granted(1, 1), granted(2, 1)])
    code, result = take(environment, file)
    assert (code, result["exitCode"]) == (8, 8)
    assert "lines 1 to 2" in result["error"]
    code, result = take(environment, file, "--id", "another")
    assert (code, result["events"], result["refused"]) == (7, 1, 1)


def test_standard_input_is_taken_under_a_name_and_can_be_taken_again(environment: dict[str, str]) -> None:
    given = json.dumps(granted(1, 1)).encode() + b"\n"
    assert take(environment, "-", given=given)[0] == 2
    code, result = take(environment, "-", "--id", "piped", given=given)
    assert (code, result["events"], result["skippedLines"]) == (0, 1, 0)
    other = json.dumps(granted(2, 1)).encode() + b"\n"
    assert take(environment, "-", "--id", "piped", given=other)[0] == 8
    code, result = take(environment, "-", "--id", "piped", given=given)
    assert (code, result["events"], result["skippedLines"]) == (0, 1, 1)
    assert len(recorded(environment)) == 2


def test_what_cannot_be_imported_is_told_in_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_bytes(b"id;name\n")
    assert take(environment, file)[0] == 2
    file.write_bytes(b"")
    assert take(environment, file)[0] == 2
    assert take(environment, tmp_path / "none.ndjson")[0] == 5
    written(file, [granted(1, 1)])
    assert take(environment, file, "--id", "no spaces")[0] == 2
    assert take(environment, file, "--refusals", tmp_path)[0] == 2
    assert recorded(environment) == []


def test_a_second_import_of_the_same_name_is_told_that_one_is_under_way(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path / "history.ndjson", [granted(1, 1)])
    with only_import(environment["KRONIEK_DATABASE_URL"], "history"):
        assert take(environment, file)[0] == 6
        assert take(environment, file, "--id", "another")[0] == 0


def test_two_imports_at_once_import_every_event_once(environment: dict[str, str], tmp_path: Path) -> None:
    file = written(tmp_path / "history.ndjson", [granted(n, 1) for n in range(5_000)])
    both = [start(environment, file), start(environment, file)]
    assert sorted(ended(process)[0] for process in both) in ([0, 0], [0, 6])
    imported = [each.context.command_id for each in recorded(environment) if each.context.command_id]
    assert imported == [f"{n}:1" for n in range(5_000)]


# --- Commands -------------------------------------------------------------------------------------------------------


def wish(command: str, body: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    frame = {"at": "2015-03-02T10:00:00+01:00", "organisationId": "platform", "subject": "clerk"}
    return {"command": command, "body": dict(body), **frame, "role": "administrator", **more}


def registered(number: int, **more: Any) -> dict[str, Any]:
    body = {
        "names": {"nl": f"Gemeente {number}"},
        "organisationType": "municipality",
        "level": "local",
        "enterpriseNumber": enterprise_number(number),
        "jurisdiction": "be",
    }
    return wish("register-organisation", body, id=f"organisation-{number}", **more)


def enrolled(number: int, **more: Any) -> dict[str, Any]:
    ids = {"organisationId": f"organisation-{number}"}
    return wish("enrol-organisation", {"enrolment": "service_provider"}, ids=ids, **more)


def test_commands_are_decided_as_at_their_time_for_those_who_gave_them(
    environment: dict[str, str], tmp_path: Path
) -> None:
    history = [
        registered(1, idempotencyKey="first"),
        enrolled(1, at="2016-05-06T07:08:09Z"),
        registered(2) | {"body": registered(1)["body"]},
        registered(3),
        registered(1, idempotencyKey="first"),
    ]
    file, told = written(tmp_path / "history.ndjson", history), tmp_path / "refusals.ndjson"
    code, result = take(environment, file, "--refusals", told)
    assert code == 7
    assert (result["kind"], result["lines"], result["events"], result["refused"]) == ("commands", 5, 4, 1)
    assert [(each["line"], each["code"]) for each in refusals(told)] == [(3, "enterprise-number-taken")]
    first, second, *_ = [each for each in recorded(environment) if not isinstance(each.event, ChunkImported)]
    assert (first.stream, second.stream) == ("organisation-organisation-1",) * 2
    assert first.context.effective_at.isoformat() == "2015-03-02T09:00:00+00:00"
    assert second.context.effective_at.isoformat() == "2016-05-06T07:08:09+00:00"
    context = second.context
    assert (context.acting_id, context.organisation_id, context.activity, context.correlation_id) == (
        "clerk",
        "platform",
        "organisation-enrolment",
        "import-history",
    )


WRONG: Mapping[str, tuple[str, dict[str, Any]]] = {
    "no such command": ("unknown-command", wish("found-organisation", {})),
    "a role that may not": ("role-not-allowed", registered(1, role="agency")),
    "no known role": ("malformed-line", registered(1, role="clerk")),
    "nobody": ("malformed-line", registered(1, subject="")),
    "an instant to come": ("instant-in-future", registered(1, at="2999-01-01T00:00:00Z")),
    "an instant without an offset": ("malformed-line", registered(1, at="2015-01-01T00:00:00")),
    "a field too many": ("malformed-line", registered(1, actingId="x")),
    "a body that lacks a field": ("malformed-request", wish("register-organisation", {"names": {"nl": "x"}})),
    "an id for nothing": ("malformed-line", enrolled(1, id="x")),
    "a person's number as an id": ("personal-number-in-stream", registered(1) | {"id": "85073003328"}),
    "no version where one is needed": (
        "version-missing",
        wish("rename-organisation", {"names": {"nl": "x"}}, ids={"organisationId": "x"}),
    ),
}


def test_wrong_lines_are_refused_by_themselves(environment: dict[str, str], tmp_path: Path) -> None:
    history = [registered(7), *(line for _, line in WRONG.values()), registered(8)]
    file, told = written(tmp_path / "history.ndjson", history), tmp_path / "refusals.ndjson"
    code, result = take(environment, file, "--refusals", told)
    assert (code, result["events"], result["refused"]) == (7, 2, len(WRONG))
    assert {name: each["code"] for name, each in zip(WRONG, refusals(told), strict=True)} == {
        name: expected for name, (expected, _) in WRONG.items()
    }
    assert "85073003328" not in told.read_text(encoding="utf-8")


def test_a_killed_import_of_commands_goes_on_and_has_every_command_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    organisations = sized(5_000, long=15_000)
    history = [line for n in range(organisations) for line in (registered(n), enrolled(n))]
    file = written(tmp_path / "history.ndjson", history)
    killed_in_the_middle(environment, file)
    code, result = take(environment, file)
    assert (code, result["refused"], result["lines"]) == (0, 0, len(history))
    assert result["skippedLines"] >= KILL_AFTER_CHUNKS * 1_000
    assert result["events"] == len(history)
    log = recorded(environment)
    assert [each.position for each in log] == list(range(1, len(log) + 1))
    imported = [(each.stream, each.version) for each in log if not isinstance(each.event, ChunkImported)]
    assert imported == [(f"organisation-organisation-{n}", version) for n in range(organisations) for version in (1, 2)]
