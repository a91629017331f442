"""Looking at read models over HTTP: who may, what is told, and the stream of what changes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from httpx2 import Response

from api.rest import progress_feed
from api.web.door_bounds import Bounds
from application.ports import Role
from projections.registry import PROJECTIONS
from tests.api.world import Client, OnAPort, must_be_refused, on_a_port
from tests.infrastructure.read_tables import looked_after
from tests.waiting import wait_until

WAIT_S = 10


QUICK = Bounds(sample_interval_s=0.1)


@pytest.fixture(scope="module")
def shared(
    module_read_models_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnAPort]:
    with on_a_port(
        tmp_path_factory.mktemp("data"),
        module_read_models_url,
        module_keys_url,
        bounds=QUICK,
    ) as served:
        yield served


@pytest.fixture
def bounds() -> Bounds | None:
    """The bounds of a server of this test's own; None where it shares that of the others."""
    return None


@pytest.fixture
def served(
    bounds: Bounds | None, shared: OnAPort, module_read_models_url: str, module_keys_url: str, tmp_path: Path
) -> Iterator[OnAPort]:
    if bounds is None:
        yield shared
        return
    with on_a_port(tmp_path, module_read_models_url, module_keys_url, bounds=bounds) as served:
        yield served


@pytest.fixture
def owner(module_read_models_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_read_models_url, autocommit=True) as connection:
        yield connection
        connection.execute("DELETE FROM read.build")
        connection.execute("DELETE FROM read.parked")
        connection.execute("DELETE FROM read.checkpoint WHERE projection = 'keys' AND version = 7")
        connection.execute("UPDATE read.checkpoint SET position = 0")


@pytest.fixture
def administrator(served: OnAPort) -> Client:
    return served.caller(Role.ADMINISTRATOR)


def events(administrator: Client) -> AbstractContextManager[Response]:
    return administrator.http.stream("GET", "/projections/events", headers=administrator.headers())


@contextmanager
def listening(administrator: Client) -> Iterator[Iterator[str]]:
    with events(administrator) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.iter_lines()


def following(lines: Iterator[str]) -> Any:
    """Return what the next event says."""
    name = next(line for line in lines if line.startswith("event: "))
    data = next(lines)
    return json.loads(data.removeprefix("data: ")) if name == "event: progress" else name


def of(progress: Any, name: str = "keys") -> Any:
    return next(it for it in progress["projections"] if it["name"] == name)


# --- What is told ---------------------------------------------------------------------------------------------------


def test_everything_that_is_known_is_told(
    administrator: Client, owner: psycopg.Connection, module_read_models_url: str
) -> None:
    owner.execute(
        "INSERT INTO read.build (projection, version, purpose, by_worker, state, events_done, events_total, started_at,"
        " asked_by, why) VALUES ('keys', 2, 'rebuild', true, 'filling', 1, 4, now(), 'official-7', 'a rule was mended')"
    )
    owner.execute("INSERT INTO read.checkpoint (projection, version, position) VALUES ('keys', 7, 0)")
    with looked_after(module_read_models_url, "keys"):
        answer = administrator.reads("/projections")
    told = answer.json()
    assert (told["head"], told["position"]) == (0, 0)
    assert len(told["projections"]) == len(PROJECTIONS)
    keys = of(told)
    assert {
        "state": "live",
        "percent": 100,
        "lagEvents": 0,
        "leftS": 0.0,
        "previousPosition": None,
    }.items() <= keys.items()
    assert {"purpose": "rebuild", "percent": 25, "why": "a rule was mended"}.items() <= keys["build"].items()
    assert [other["version"] for other in keys["otherVersions"]] == [7]
    assert of(told, "people")["state"] == "unled"
    one = administrator.reads("/projections/people").json()
    assert one["name"] == "people"
    (build,) = administrator.reads("/projections/keys/builds").json()["builds"]
    assert build["state"] == "filling"


def test_parked_events_come_in_pages(administrator: Client, owner: psycopg.Connection) -> None:
    park(owner, *range(1, 6))
    first = administrator.reads("/projections/keys/parked-events?limit=3").json()
    assert [it["position"] for it in first["parkedEvents"]] == [1, 2, 3]
    assert first["parkedEvents"][0]["error"] == "KeyError"
    second = administrator.reads(f"/projections/keys/parked-events?limit=3&after={first['nextAfter']}").json()
    assert [it["position"] for it in second["parkedEvents"]] == [4, 5]
    assert second["nextAfter"] is None
    assert administrator.reads("/projections/people/parked-events").json() == {"parkedEvents": [], "nextAfter": None}


def park(owner: psycopg.Connection, *positions: int) -> None:
    for position in positions:
        owner.execute(
            "INSERT INTO read.parked (table_name, position, stream, stream_version, name, error)"
            " VALUES ('keys_v2', %s, 'key-a', %s, 'identity.key-registered.v1', %s)",
            (position, position, "KeyError" if position == 1 else ""),
        )


def ordered(administrator: Client, step: str, position: int, key: str) -> Response:
    body = {"why": "a rule was mended", "eventPosition": position}
    path, headers = f"/projections/keys/parked-events/{step}", {"Idempotency-Key": f"{step}-{key}"}
    return administrator.sends(path, body, headers)


@pytest.mark.parametrize("step", ["retries", "skips"])
def test_only_an_event_that_is_parked_is_retried_or_skipped(
    step: str, administrator: Client, owner: psycopg.Connection
) -> None:
    park(owner, 3)
    must_be_refused(ordered(administrator, step, 2, "other"), 404, "parked-event-not-found")
    first = ordered(administrator, step, 3, "order")
    assert first.status_code == 200, first.text
    owner.execute("TRUNCATE read.parked")
    assert ordered(administrator, step, 3, "order").content == first.content
    must_be_refused(ordered(administrator, step, 3, "again"), 404, "parked-event-not-found")


def test_what_is_not_parked_is_refused_among_many_commands_too(
    administrator: Client, owner: psycopg.Connection
) -> None:
    park(owner, 3)
    for command in ("retry-parked-events", "skip-parked-event"):
        assert ordered_in_bulk(administrator, command, 2, 3) == ["refused", "accepted"]


def ordered_in_bulk(administrator: Client, command: str, *positions: int) -> list[str]:
    lines = [
        {
            "command": command,
            "idempotencyKey": f"{command}-{position}",
            "ids": {"projection": "keys"},
            "body": {"why": "a rule was mended", "eventPosition": position},
        }
        for position in positions
    ]
    return [answer["status"] for answer in administrator.sends_all(lines)]


def test_an_event_at_which_a_read_model_stopped_is_skipped_and_not_retried(
    administrator: Client, owner: psycopg.Connection
) -> None:
    stopped = "UPDATE read.checkpoint SET position = 5, stands_at = 7, error = %s WHERE projection = 'keys'"
    owner.execute(stopped, ("",))
    must_be_refused(ordered(administrator, "skips", 7, "running"), 404, "parked-event-not-found")
    owner.execute(stopped, ("DiskFull",))
    for other in (5, 6, 8, 1_000):
        must_be_refused(ordered(administrator, "skips", other, f"other-{other}"), 404, "parked-event-not-found")
    must_be_refused(ordered(administrator, "retries", 7, "retried"), 404, "parked-event-not-found")
    assert ordered_in_bulk(administrator, "skip-parked-event", 8, 7) == ["refused", "accepted"]
    assert ordered(administrator, "skips", 7, "skipped").status_code == 200


@pytest.mark.parametrize("path", ["/no-such", "/no-such/parked-events", "/no-such/builds"])
def test_a_projection_that_is_none(path: str, administrator: Client) -> None:
    must_be_refused(administrator.reads(f"/projections{path}"), 404, "no-such-projection")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=-1", "after=x", f"after={2**63}"])
def test_a_page_that_is_none(query: str, administrator: Client) -> None:
    must_be_refused(administrator.reads(f"/projections/keys/parked-events?{query}"), 400, "malformed-request")


def test_the_doors_to_look_through_are_described(administrator: Client) -> None:
    paths = administrator.reads("/openapi.json").json()["paths"]
    for path in ("/projections", "/projections/events", "/projections/{projection}/builds"):
        assert paths[path]["get"]["security"] == [{"bearer": []}]
    assert "post" in paths["/projections/{projection}/rebuilds"]


# --- The stream -----------------------------------------------------------------------------------------------------


def test_what_changes_is_told_within_moments(administrator: Client, owner: psycopg.Connection) -> None:
    with listening(administrator) as lines:
        assert of(following(lines))["position"] == 0
        started = time.monotonic()
        owner.execute("UPDATE read.checkpoint SET position = 7 WHERE projection = 'keys'")
        # What was read just before may be told first.
        while of(following(lines))["position"] != 7:
            assert time.monotonic() - started < 5
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("bounds", [Bounds(heartbeat_interval_s=0.1)])
def test_while_nothing_changes_a_sign_of_life_is_given(administrator: Client) -> None:
    with listening(administrator) as lines:
        following(lines)
        assert [next(lines), next(lines), next(lines)] == ["", ": still here", ""]


@pytest.mark.parametrize("bounds", [QUICK])
def test_many_listeners_cost_one_look(
    administrator: Client, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bytes] = []
    sent = progress_feed.ProgressFeed._keep_sampling  # noqa: SLF001 - what is shared

    async def counted(feed: progress_feed.ProgressFeed) -> None:
        looks.append(b"")
        await sent(feed)

    monkeypatch.setattr(progress_feed.ProgressFeed, "_keep_sampling", counted)
    with ExitStack() as stack:
        streams = [stack.enter_context(listening(administrator)) for _ in range(10)]
        for lines in streams:
            following(lines)
        owner.execute("UPDATE read.checkpoint SET position = 3 WHERE projection = 'keys'")
        for lines in streams:
            # What was read just before may be told first.
            assert any(of(following(lines))["position"] == 3 for _ in range(2))
    assert len(looks) == 1
    with listening(administrator) as lines:
        assert of(following(lines))["position"] == 3
    # When nobody had listened any more it ended, and began anew.
    assert len(looks) == 2


@pytest.mark.parametrize("bounds", [Bounds(listeners=2)])
def test_no_more_listen_than_fit(administrator: Client) -> None:
    with listening(administrator) as one, listening(administrator) as other:
        following(one), following(other)
        answer = administrator.reads("/projections/events")
        must_be_refused(answer, 503, "too-many-listeners")
        assert answer.headers["retry-after"] == "10"
    wait_until(lambda: events(administrator).__enter__().status_code == 200, "none may listen")


@pytest.mark.parametrize("bounds", [Bounds(listeners_each=1)])
def test_one_organisation_leaves_room_for_the_others(served: OnAPort, administrator: Client) -> None:
    other = served.caller(Role.AUDITOR, "court-of-audit")
    with listening(administrator) as lines:
        following(lines)
        must_be_refused(administrator.reads("/projections/events"), 503, "too-many-listeners")
        with listening(other) as others:
            following(others)
    wait_until(lambda: events(administrator).__enter__().status_code == 200, "none may listen")


@pytest.mark.parametrize("bounds", [Bounds(listen_s=0.3, heartbeat_interval_s=0.1)])
def test_a_listener_comes_back_after_a_while(administrator: Client) -> None:
    with listening(administrator) as lines:
        following(lines)
        assert ": still here" in list(lines)


def test_a_database_that_is_gone_is_told_and_comes_back(administrator: Client, owner: psycopg.Connection) -> None:
    with listening(administrator) as lines:
        following(lines)
        owner.execute("ALTER FUNCTION log.head() RENAME TO no_head")
        # What was read just before is told first.
        assert any(following(lines) == "event: unavailable" for _ in range(2))
        owner.execute("ALTER FUNCTION log.no_head() RENAME TO head")
        assert of(following(lines))["name"] == "keys"


@pytest.mark.parametrize("bounds", [QUICK])
def test_streams_end_when_the_server_does(administrator: Client, served: OnAPort) -> None:
    with listening(administrator) as lines:
        following(lines)
        started = time.monotonic()
        served.stop()
        list(lines)
        assert time.monotonic() - started < 5
