"""Finding a person by number: for a purpose, on record, within limits; the number is nowhere but in the body."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import structlog
from httpx2 import Response

from api.web.rate_limits import Buckets
from application.ports import Receipt, Role
from tests.api.world import CITIZENS, PLATFORM, World, built_world, must_be_refused, problem_code
from tests.check_digits import bis_number, national_number, service_number, with_wrong_check_digits
from tests.waiting import wait_until

PATH = "/persons/lookups"
JSON = {"Content-Type": "application/json"}
LOOKUPS_PER_MINUTE, MISSES_PER_MINUTE = 150, 60
EIDAS = "ES/BE/02635542Y"
UNUSED = 900

MAILBOX, IDENTIFICATION = {"purpose": "mailbox"}, {"purpose": "identification"}
ALLOWED = {"mailbox": ("sender", "provider"), "identification": ("identity-provider", "authority")}
NOT_ALLOWED = {
    "mailbox": ("agency", "target", "authority", "identity-provider", "outsider"),
    "identification": ("agency", "target", "sender", "provider", "outsider", "applied"),
}


@pytest.fixture(scope="module")
def world(module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("data")
    budgets: dict[str, Any] = {"lookups_per_minute": LOOKUPS_PER_MINUTE, "lookup_misses_per_minute": MISSES_PER_MINUTE}
    with built_world(folder, module_database_url, module_keys_url, reacting=True, **budgets) as world:
        eidas = {"jurisdiction": "be", "memberState": "es", "eidasIdentifier": EIDAS, "level": "high"}
        world.id["eva"] = world.does("register-person-by-eidas", **eidas)
        desk = {"officeId": "office-1", "officerId": "officer-7"}
        registered = {"jurisdiction": "be", "nationalNumber": bis_number(7)} | desk
        world.id["abe"] = world.does("register-person-by-registration-authority", "authority", **registered)
        wait_for(world, belgian(bis_number(7)), found=True)
        wait_until_it_is_quiet(world)
        yield world


def belgian(number: str) -> Mapping[str, str]:
    return {"jurisdiction": "be", "nationalNumber": number}


ANN = belgian(national_number(1))
NOBODY = belgian(national_number(UNUSED))


def look_up(
    world: World, body: object, organisation: str = "stranger", role: Role = Role.AGENCY, why: str = "post.delivery"
) -> Response:
    caller = world.caller(role, organisation, activity=why)
    return caller.requests("POST", PATH, JSON, content=body if isinstance(body, bytes) else json.dumps(body).encode())


def wait_for(world: World, number: Mapping[str, str], *, found: bool) -> None:
    """Wait until somebody is found, or no longer: the index follows the log."""
    asked = {**MAILBOX, **number}
    wait_until(
        lambda: look_up(world, asked, PLATFORM, Role.SYSTEM).is_success is found, "the index does not follow the log"
    )


def wait_until_it_is_quiet(world: World) -> None:
    """Wait until the reactors are done with everybody who is registered: they have nothing left to record."""
    query = """
        SELECT (SELECT min(position) FROM reactor.progress WHERE name <> 'old-mail')
            >= (SELECT max(position) FROM log.event WHERE name = 'identity.person-registered.v1')
    """
    wait_until(lambda: world.log.execute(query).fetchone() == (True,), "the reactors do not come to rest")


def events_of(world: World, name: str) -> Sequence[tuple[bytes, str, str]]:
    """Return payload, organisation and activity of the events of a name, newest first."""
    query = "SELECT payload, organisation_id, activity FROM log.event WHERE name = %s ORDER BY position DESC"
    return world.log.execute(query, (name,)).fetchall()


# --- Finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((belgian(national_number(serial)), name) for serial, name in enumerate(CITIZENS[:3], 1)),
        (belgian(bis_number(7)), "abe"),
        ({"jurisdiction": "be", "eidasIdentifier": EIDAS}, "eva"),
    ],
    ids=[*CITIZENS[:3], "abe", "eva"],
)
def test_everybody_is_found_for_each_purpose(number: Mapping[str, str], name: str, world: World) -> None:
    for purpose in (MAILBOX, IDENTIFICATION):
        answer = look_up(world, {**purpose, **number})
        assert (answer.status_code, answer.json()) == (200, {"personId": world.id[name]})


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(
    "number",
    [
        NOBODY,
        belgian(bis_number(1)),
        {"jurisdiction": "nl", "nationalNumber": service_number(1)},
        {"jurisdiction": "nl", "eidasIdentifier": EIDAS.replace("BE", "NL")},
        {"jurisdiction": "be", "eidasIdentifier": EIDAS.lower().replace("es/be", "ES/BE")},
    ],
    ids=range(5),
)
def test_nobody_is_found_under_another_number(number: Mapping[str, str], world: World) -> None:
    body = {**MAILBOX, **number}
    must_be_refused(look_up(world, body), 404, "person-not-found", body)


def test_who_registers_is_found_soon(world: World) -> None:
    person = belgian(national_number(500))
    assert look_up(world, {**MAILBOX, **person}).status_code == 404
    person_id = world.does("register-person-from-national-register", **person)
    wait_for(world, person, found=True)
    assert look_up(world, {**IDENTIFICATION, **person}).json() == {"personId": person_id}


def test_who_was_erased_is_as_somebody_who_never_was(world: World) -> None:
    erased = belgian(national_number(501))
    person_id = world.does("register-person-from-national-register", **erased)
    wait_for(world, erased, found=True)
    world.does("order-erasure", person_id=person_id, ground="legal_obligation", groups=["identification"])
    wait_for(world, erased, found=False)
    answers: dict[str, list[Response]] = {"erased": [], "never": []}
    seconds: dict[str, list[float]] = {"erased": [], "never": []}
    for _ in range(20):
        for who, number in (("erased", erased), ("never", NOBODY)):
            begun = time.perf_counter()
            answers[who].append(look_up(world, {**MAILBOX, **number}, "sender"))
            seconds[who].append(time.perf_counter() - begun)
    shown = [_shown(answer) for who in answers for answer in answers[who]]
    assert shown == [shown[0]] * len(shown)
    assert shown[0][:2] == (404, "person-not-found")
    # The same work: the middle ones differ by what a busy machine does, not by a call more or less.
    erased_s, never_s = (statistics.median(seconds[who]) for who in ("erased", "never"))
    assert max(erased_s, never_s) < 3 * min(erased_s, never_s)


def _shown(answer: Response) -> tuple[int, str, dict[str, Any], list[str]]:
    """Return what a caller can tell one answer from another by."""
    body = {name: said for name, said in answer.json().items() if name != "instance"}
    return answer.status_code, problem_code(answer), body, sorted(answer.headers)


# --- Who may ask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("purpose", "organisation"), [(it, org) for it in ALLOWED for org in ALLOWED[it]])
def test_an_organisation_that_has_the_purpose_may_ask(purpose: str, organisation: str, world: World) -> None:
    assert look_up(world, {"purpose": purpose, **ANN}, organisation).json() == {"personId": world.id["ann"]}


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("purpose", "organisation"), [(it, org) for it in NOT_ALLOWED for org in NOT_ALLOWED[it]])
def test_another_may_not_whoever_it_asks_for(purpose: str, organisation: str, world: World) -> None:
    for number in (ANN, NOBODY):
        body = {"purpose": purpose, **number}
        must_be_refused(look_up(world, body, organisation), 403, "lookup-not-allowed", number)


def test_an_organisation_whose_enrolment_ended_may_not_ask_any_more(world: World) -> None:
    assert look_up(world, {**MAILBOX, **ANN}, "sender-leaving").is_success
    world.does("end-sender-enrolment", "sender-leaving", organisation_id=world.id["sender-leaving"])
    must_be_refused(look_up(world, {**MAILBOX, **ANN}, "sender-leaving"), 403, "lookup-not-allowed")


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR])
def test_other_roles_may_not_ask(role: Role, world: World) -> None:
    must_be_refused(look_up(world, {**MAILBOX, **ANN}, role=role), 403, "role-not-allowed")


def test_the_platform_itself_has_every_purpose(world: World) -> None:
    for purpose in (MAILBOX, IDENTIFICATION):
        assert look_up(world, {**purpose, **ANN}, PLATFORM, Role.SYSTEM).is_success


# --- On record ------------------------------------------------------------------------------------------------------


def test_who_was_found_is_on_record_with_who_asked_and_why(world: World) -> None:
    before = len(events_of(world, "access.recorded.v1"))
    assert look_up(world, {**MAILBOX, **ANN}, "provider", why="post.delivery").is_success
    (payload, organisation_id, activity), *others = events_of(world, "access.recorded.v1")
    assert len(others) == before
    assert (organisation_id, activity) == (world.id["provider"], "post.delivery")
    assert f'"subject_id":"{world.id["ann"]}","categories":["identification"]'.encode() in payload


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("number", [ANN, NOBODY], ids=["somebody", "nobody"])
def test_who_does_not_say_why_is_told_nothing(number: Mapping[str, str], world: World) -> None:
    answer = look_up(world, {**MAILBOX, **number}, why="")
    must_be_refused(answer, 400, "processing-activity-not-named", number)


@pytest.mark.usefixtures("nothing_changes")
def test_who_cannot_be_put_on_record_is_not_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_order: object) -> Receipt:
        raise ConnectionError

    monkeypatch.setattr("api.web.access_record.handle", lost)
    must_be_refused(look_up(world, {**MAILBOX, **ANN}), 503, "access-not-recorded", ANN)


# --- What is said ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**MAILBOX, **belgian(with_wrong_check_digits(national_number(1)))}, 422, "invalid-check-digits"),
        ({**MAILBOX, **belgian("")}, 422, "invalid-check-digits"),
        ({**MAILBOX, **ANN, "jurisdiction": "nl"}, 422, "wrong-national-number"),
        ({**MAILBOX, **belgian(service_number(1))}, 422, "wrong-national-number"),
        ({**MAILBOX, "jurisdiction": "nl", "eidasIdentifier": EIDAS}, 422, "invalid-eidas-identifier"),
        ({**MAILBOX, "jurisdiction": "be", "eidasIdentifier": "BE/BE/1"}, 422, "invalid-eidas-identifier"),
        ({**MAILBOX, "jurisdiction": "be", "eidasIdentifier": ""}, 422, "invalid-eidas-identifier"),
        ({**MAILBOX, "jurisdiction": "be", "eidasIdentifier": "ES/BE/" + "1" * 300}, 400, "malformed-request"),
        ({**MAILBOX, **ANN, "eidasIdentifier": EIDAS}, 400, "malformed-request"),
        ({**MAILBOX, "jurisdiction": "be"}, 400, "malformed-request"),
        ({**MAILBOX, "jurisdiction": "be", "nationalNumber": int(national_number(1))}, 400, "malformed-request"),
        ({**MAILBOX, "nationalNumber": national_number(1)}, 400, "malformed-request"),
        ({"purpose": "marketing", **ANN}, 400, "malformed-request"),
        (ANN, 400, "malformed-request"),
        ({**MAILBOX, **ANN, "more": 1}, 400, "malformed-request"),
        ({}, 400, "malformed-request"),
        (b"", 400, "malformed-request"),
        (b"[]", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b"\xff", 400, "malformed-request"),
    ],
    ids=range(20),
)
def test_what_is_no_question_is_refused(body: object, status: int, code: str, world: World) -> None:
    must_be_refused(look_up(world, body), status, code, body)


def test_callers_and_content_are_looked_at(world: World) -> None:
    must_be_refused(world.anybody.requests("POST", PATH, json={}), 401, "unauthenticated")
    stranger = world.caller(Role.AGENCY, "stranger", activity="post")
    plain = stranger.requests("POST", PATH, {"Content-Type": "text/plain"}, content=b"x")
    must_be_refused(plain, 415, "unsupported-media-type")
    must_be_refused(look_up(world, b" " * 1_000_001), 413, "body-too-large")


def test_no_number_is_in_a_line_of_the_log_an_answer_or_the_database_of_events(world: World) -> None:
    numbers = [national_number(1), national_number(UNUSED), with_wrong_check_digits(national_number(1))]
    asked = [*map(belgian, numbers), {"jurisdiction": "be", "eidasIdentifier": EIDAS}]
    with structlog.testing.capture_logs() as lines:
        answers = [look_up(world, {**MAILBOX, **number}, "sender-changing") for number in asked]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 200]
    said = [EIDAS, *numbers]
    assert len(lines) == len(answers)
    assert not any(it in repr(line) for line in lines for it in said)
    assert not any(it in answer.text + repr(answer.headers) for answer in answers for it in said)
    rows = world.log.execute("SELECT payload, stream, correlation_id, trace FROM log.event").fetchall()
    assert not any(it.encode() in b"".join(map(_bytes, row)) for row in rows for it in said)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# --- How often ------------------------------------------------------------------------------------------------------


def test_look_ups_of_an_organisation_are_counted_for_the_minute(world: World) -> None:
    begun, found = time.monotonic(), 0
    while (answer := look_up(world, {**MAILBOX, **ANN}, "provider")).is_success:
        found += 1
        assert found <= LOOKUPS_PER_MINUTE + (time.monotonic() - begun + 1) * LOOKUPS_PER_MINUTE / 60
    must_be_refused(answer, 429, "rate-limited")
    assert int(answer.headers["retry-after"]) >= 1
    assert f'"lookups";q={LOOKUPS_PER_MINUTE};w=60' in answer.headers["ratelimit-policy"]
    assert found > MISSES_PER_MINUTE, "who is found is no miss"
    assert look_up(world, {**MAILBOX, **ANN}, "sender-changing").is_success


def test_whoever_guesses_numbers_has_to_stop_sooner(world: World) -> None:
    begun, missed = time.monotonic(), 0
    while (answer := look_up(world, {**IDENTIFICATION, **NOBODY}, "authority")).status_code == 404:
        missed += 1
        assert missed <= MISSES_PER_MINUTE + (time.monotonic() - begun + 1) * MISSES_PER_MINUTE / 60
    must_be_refused(answer, 429, "too-many-misses", NOBODY)
    assert int(answer.headers["retry-after"]) >= 1
    assert look_up(world, {**IDENTIFICATION, **ANN}, "identity-provider").is_success


def test_what_is_given_back_may_be_taken_again_and_no_more() -> None:
    buckets = Buckets("test", 2, lambda: 0.0)
    buckets.give_back("a")
    taken = [buckets.take("a").granted for _ in range(3)]
    buckets.give_back("a")
    assert [*taken, buckets.take("a").granted, buckets.take("a").granted] == [True, True, False, True, False]
    buckets.give_back("a", 5)
    assert [buckets.take("a").granted for _ in range(3)] == [True, True, False]
