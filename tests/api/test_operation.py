"""What those who run the platform rely on: health, metrics, correlation ids, an answer even when something fails."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog

from api.composition import log_and_rules
from application.ports import Role
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogBusyError
from projections.registry import PROJECTIONS
from tests.api.world import PLATFORM, Client, Platform, World, in_process, must_be_refused, organisation
from tests.databases import gone
from tests.infrastructure.read_tables import looked_after, make_read_tables
from tests.waiting import wait_until

SECRET = "85.05.17-001-39 of Ann Janssens"


@pytest.fixture
def platform(database_url: str, keys_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform with two more addresses: at one it makes a mistake, at the other its log is busy."""
    # A log that is gone is waited for as always, only not for as long.
    monkeypatch.setattr(log_and_rules, "PostgresLog", partial(PostgresLog, reconnect_timeout_s=2.0))
    with in_process(tmp_path, database_url, keys_url) as platform:

        @platform.app.get("/broken")
        async def broken() -> None:
            raise LookupError(SECRET)

        @platform.app.get("/busy")
        async def busy() -> None:
            raise LogBusyError(retry_after_s=7)

        yield platform


@pytest.fixture
def anybody(platform: Platform) -> Client:
    return platform.anybody


# --- Health and metrics ---------------------------------------------------------------------------------------------


def test_health_says_how_far_the_platform_is(world: World) -> None:
    answer = world.anybody.reads("/health")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/health+json"
    assert answer.json()["position"] == world.holdings()[0]


def test_health_warns_until_a_worker_has_made_the_read_models(anybody: Client, database_url: str) -> None:
    answer = anybody.reads("/health")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["output"]) == ("warn", "no worker has made the read models yet")
    make_read_tables(database_url)
    with looked_after(database_url):
        assert anybody.reads("/health").json()["status"] == "pass"


def test_health_says_which_read_models_need_somebody(anybody: Client, database_url: str) -> None:
    make_read_tables(database_url)
    needy(database_url)
    others = [it.name for it in PROJECTIONS if it.name != "people"]
    with looked_after(database_url, *others):
        health = anybody.reads("/health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["output"].split("; ")) == (
        "warn",
        [
            "keys has stopped: KeyError in the rule of KeyRevoked",
            "mandates is being made for the first time",
            "messages is paused",
            "messages has 2 parked events of 1 stream",
            "no worker looks after people",
        ],
    )
    told = {it["name"]: it for it in health.json()["projections"]}
    assert (told["keys"]["state"], told["keys"]["build"]["percent"]) == ("stopped", 25)
    assert told["messages"]["paused_at"] == "2026-01-05T09:00:00+00:00"
    # Anyone may ask: who did what and why is for administrators and auditors.
    for private in ("official-7", SECRET):
        assert private not in health.text
        assert private not in anybody.reads("/metrics").text


def test_health_warns_while_a_read_model_is_far_behind(world: World, module_database_url: str) -> None:
    url = module_database_url
    make_read_tables(url)
    with looked_after(url), psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE log.event_1 DISABLE TRIGGER event_is_append_only")
        owner.execute("UPDATE log.event_1 SET recorded_at = recorded_at - interval '1 minute'")
        owner.execute("ALTER TABLE log.event_1 ENABLE ALWAYS TRIGGER event_is_append_only")
        health = world.anybody.reads("/health").json()
        assert "keys is behind by more than 30 s" in health["output"]
        owner.execute("UPDATE read.checkpoint SET position = log.head()")
        owner.execute("UPDATE reactor.progress SET position = log.head()")  # reactors do not run here
        healthy = world.anybody.reads("/health").json()
        assert (healthy["status"], healthy.get("output")) == ("pass", None)


def test_health_fails_while_an_append_waits(world: World, module_database_url: str) -> None:
    administrator, answers = world.caller(Role.ADMINISTRATOR), list[int]()

    def send() -> None:
        answers.append(administrator.sends("/organisations", organisation("waiting", 806)).status_code)

    sending = threading.Thread(target=send)
    with psycopg.connect(module_database_url) as owner:
        owner.execute("SELECT log.lock_appends()")
        sending.start()
        wait_until(lambda: world.anybody.reads("/health").status_code == 503, "an append that waits is no matter")
        assert "an append has waited for" in world.anybody.reads("/health").json()["output"]
    sending.join()
    assert (answers, world.anybody.reads("/health").status_code) == ([201], 200)


def test_metrics_say_the_same_as_health(anybody: Client, database_url: str) -> None:
    make_read_tables(database_url)
    needy(database_url)
    with looked_after(database_url):
        text = anybody.reads("/metrics").text
    for line in (
        'kroniek_projection_position{projection="keys"} 0.0',
        'kroniek_projection_lag_events{projection="keys"} 0.0',
        'kroniek_projection_lag_seconds{projection="keys"} 0.0',
        'kroniek_projection_events_per_second{projection="people"} 0.0',
        'kroniek_projection_parked_events{projection="messages"} 2.0',
        'kroniek_projection_state{projection="keys",state="stopped"} 1.0',
        'kroniek_projection_state{projection="keys",state="live"} 0.0',
        'kroniek_projection_state{projection="people",state="live"} 1.0',
        'kroniek_projection_build_percent{projection="keys"} 25.0',
    ):
        assert line in text.splitlines(), line
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("UPDATE read.build SET state = 'done'")
    assert "kroniek_projection_build_percent{" not in anybody.reads("/metrics").text


def needy(url: str) -> None:
    """Bring read models into each state that somebody has to look at, with what was written about it."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "UPDATE read.checkpoint SET error = 'KeyError in the rule of KeyRevoked', failed_at = now()"
            " WHERE projection = 'keys'"
        )
        owner.execute(
            "INSERT INTO read.build"
            " (projection, version, purpose, by_worker, state, events_done, events_total, asked_by, why, outcome)"
            " VALUES ('keys', 2, 'rebuild', true, 'filling', 1, 4, 'official-7', %s, %s)",
            (SECRET, SECRET),
        )
        owner.execute("DELETE FROM read.checkpoint WHERE projection = 'mandates'")
        owner.execute(
            "INSERT INTO read.projection_acts_v1 VALUES"
            " (1, 'messages', 'pause', 0, %s, 'official-7', 'platform', '2026-01-05T09:00:00Z')",
            (SECRET,),
        )
        for position in (1, 2):
            owner.execute(
                "INSERT INTO read.parked (table_name, position, stream, stream_version, name)"
                " VALUES ('messages_v3', %s, 'message-a', %s, 'mailbox.message-sent.v1')",
                (position, position),
            )


def test_health_fails_when_the_database_is_gone(anybody: Client, postgres: EmbeddedPostgres, database_url: str) -> None:
    assert anybody.reads("/health").status_code == 200
    with gone(postgres, database_url):
        answer = anybody.reads("/health")
        assert answer.status_code == 503
        told = answer.json()
        assert (told["status"], told["output"]) == ("fail", "the database does not answer")
        assert told.keys() == {"status", "output", "keys", "checks"}
        assert anybody.reads("/readyz").status_code == 503
        assert anybody.reads("/livez").status_code == 200
        assert anybody.reads("/metrics").status_code == 200


def test_metrics_count_requests_by_route_and_never_by_path(world: World) -> None:
    person = world.id["ann"]
    assert world.anybody.requests("POST", f"/consents/{person}/x/grants").status_code == 401
    answer = world.anybody.reads("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert person not in answer.text
    counted = (
        r'kroniek_http_requests_total\{.*route="/consents/\{personId\}/\{providerId\}/grants",status="401"\} [1-9]'
    )
    assert re.search(counted, answer.text)
    assert f"kroniek_log_position {float(world.holdings()[0])}" in answer.text


# --- Correlation ids ------------------------------------------------------------------------------------------------


def test_a_correlation_id_is_given_or_taken_over(anybody: Client) -> None:
    UUID(anybody.reads("/health").headers["x-correlation-id"])
    for given in (str(uuid4()), str(uuid4()).upper(), "0193e3a5-7c3e-7b6e-9a40-52f1f0c5b0a1"):
        taken_over = anybody.reads("/health", {"X-Correlation-Id": given})
        assert taken_over.headers["x-correlation-id"] == given.lower()


@pytest.mark.parametrize(
    "given",
    [
        "",
        "85051700148",
        "case-2026.0117",
        "with space",
        "0193e3a57c3e7b6e9a4052f1f0c5b0a1",
        "{0193e3a5-7c3e-7b6e-9a40-52f1f0c5b0a1}",
        "urn:uuid:0193e3a5-7c3e-7b6e-9a40-52f1f0c5b0a1",
        "00000000-0000-0000-0000-085051700148",
    ],
)
def test_a_correlation_id_that_is_none_is_not_taken_over(given: str, anybody: Client) -> None:
    ours = anybody.reads("/health", {"X-Correlation-Id": given}).headers["x-correlation-id"]
    assert UUID(ours).version == 4
    assert ours not in given


def test_the_log_keeps_the_correlation_id_and_the_trace(world: World) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for serial, (given, kept) in enumerate(((trace, trace), ("00-x", ""), (trace + "\u00e9", ""), ("a\tb", ""))):
        correlation_id = str(uuid4())
        headers = {"X-Correlation-Id": correlation_id, "traceparent": given}
        administrator = world.caller(Role.ADMINISTRATOR)
        answer = administrator.sends("/organisations", organisation("traced", 800 + serial), headers)
        assert answer.status_code == 201, answer.text
        assert world.context_at(answer.json()["position"]) == (correlation_id, kept)


def test_a_number_of_a_person_as_correlation_id_is_in_no_event(world: World) -> None:
    headers = {"X-Correlation-Id": "85051700148"}
    answer = world.caller(Role.ADMINISTRATOR).sends("/organisations", organisation("numbered", 805), headers)
    assert answer.status_code == 201, answer.text
    assert world.context_at(answer.json()["position"])[0] == answer.headers["x-correlation-id"] != "85051700148"


# --- Answers that are not a door's ----------------------------------------------------------------------------------


def test_an_address_that_is_none(anybody: Client) -> None:
    for path in ("/no-such-thing", "/consents/a", "/organisations/a/names/b", "/%00", "/.env"):
        must_be_refused(anybody.reads(path), 404, "no-such-resource")


@pytest.mark.parametrize("position", ["", "-1", "1.0", "9" * 19, "9" * 5_000, "\u00b3", "x"])
def test_a_position_that_is_none(position: str, world: World) -> None:
    answer = world.caller(Role.AUDITOR).asks("{ __typename }", headers={"X-Position": position})
    assert (answer.status, answer.codes) == (400, ["invalid-position"])


def test_a_method_that_an_address_does_not_take(anybody: Client) -> None:
    for method, path in (
        ("GET", "/organisations"),
        ("DELETE", "/organisations"),
        ("PUT", "/keys"),
        ("POST", "/health"),
    ):
        answer = anybody.requests(method, path)
        must_be_refused(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] in ("POST", "GET, HEAD")


def test_head_is_answered_as_get_without_its_body(world: World) -> None:
    caller = world.caller(Role.ADMINISTRATOR, PLATFORM)
    for path in (
        "/livez",
        "/health",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/administration",
        "/dashboard/en",
        "/projections",
    ):
        head, got = caller.requests("HEAD", path), caller.requests("GET", path)
        assert (head.status_code, head.text) == (got.status_code, ""), path
        assert head.headers["content-type"] == got.headers["content-type"]
    assert world.anybody.requests("HEAD", "/projections").status_code == 401
    assert caller.requests("HEAD", "/no-such-address").status_code == 404
    refused = caller.requests("HEAD", "/organisations")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_an_error_of_our_own_is_masked(anybody: Client) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = anybody.reads("/broken")
    must_be_refused(answer, 500, "internal-error", SECRET)
    assert "LookupError" not in answer.text
    assert "Traceback" not in answer.text
    assert [line["error"] for line in lines if line["event"] == "request_failed"] == ["LookupError"]


@pytest.mark.parametrize("path", ["/organisations", "/commands"])
def test_while_the_log_is_gone_the_caller_is_told_to_come_back(
    path: str, platform: Platform, postgres: EmbeddedPostgres, database_url: str
) -> None:
    administrator, body = platform.caller(Role.ADMINISTRATOR), organisation("new", 811)
    with gone(postgres, database_url):
        if path == "/commands":
            line = {"command": "register-organisation", "idempotencyKey": "key", "body": body}
            answer = administrator.sends_lines([line])
        else:
            answer = administrator.sends(path, body)
    must_be_refused(answer, 503, "log-unavailable", body)
    assert answer.headers["retry-after"] == "1"


def test_while_too_many_wait_to_write_the_caller_is_told_when_to_come_back(anybody: Client) -> None:
    answer = anybody.reads("/busy")
    must_be_refused(answer, 503, "log-busy")
    assert answer.headers["retry-after"] == "7"


def test_while_the_issuer_is_gone_the_caller_is_told_to_come_back(
    database_url: str, keys_url: str, tmp_path: Path, world: World
) -> None:
    elsewhere: dict[str, Any] = {"jwks_url": "http://127.0.0.1:9/jwks.json", "token_issuer": "https://login.example"}
    with in_process(tmp_path, database_url, keys_url, **elsewhere) as platform:
        of_the_world = replace(platform.anybody, token=world.token(Role.ADMINISTRATOR, PLATFORM))
        answer = of_the_world.sends("/organisations", organisation("new", 810))
        must_be_refused(answer, 503, "issuer-unavailable")
        assert answer.headers["retry-after"] == "1"
        assert platform.anybody.reads("/.well-known/jwks.json").status_code == 404
