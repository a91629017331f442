"""`findUsage`: who used the data of the person in a session, as the Estonian contract asks and answers it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from httpx2 import Response
from sqlalchemy import true

from application.ports import Receipt, Role
from projections import access_suppressions, accesses, organisations
from tests.api.world import World, at, must_be_refused
from tests.api.world.rows import row, rows_of
from tests.infrastructure.read_tables import make_read_tables

WHY = "https://register.example/activities/own-data"


@pytest.fixture(scope="module")
def looked(world: World, module_database_url: str) -> World:
    """The world, with five looks at Ann in five days, and one at Bob; one is a program's, one is suppressed."""
    make_read_tables(module_database_url)
    begun = world.clock.now - timedelta(days=5)
    looks: list[dict[str, Any]] = [
        {"subject_id": world.id["ann"], "organisation_id": world.id["sender"], "activity": f"activity-{day}"}
        | {"access_id": f"look-{day}", "accessed_at": begun + timedelta(days=day), "category": category}
        | {"automated": day == 3}
        for day, category in ((0, "keys"), (0, "messages"), (1, "consents"), (2, "messages"), (3, "messages"))
    ]
    hidden: dict[str, Any] = {
        "access_id": "look-4",
        "organisation_id": world.id["target"],
        "accessed_at": begun + timedelta(days=4),
    }
    other: dict[str, Any] = {
        "access_id": "look-5",
        "subject_id": world.id["bob"],
        "organisation_id": world.id["sender"],
    }
    suppression: dict[str, Any] = {
        "suppression_id": "s",
        "person_id": world.id["ann"],
        "organisation_id": world.id["target"],
    }
    until = {"since": begun, "until": world.clock.now + timedelta(days=30)}
    sender = {"organisation_id": world.id["sender"], "name_nl": "De verzender", "enterprise_number": "12345678"}
    engine = rows_of(module_database_url)
    with engine.begin() as connection:
        for look in (*looks, {"subject_id": world.id["ann"], **hidden}, other):
            connection.execute(accesses.Row.table.insert(), [row(accesses.Row.table, **look)])
        connection.execute(
            access_suppressions.Row.table.insert(), [row(access_suppressions.Row.table, **{**suppression, **until})]
        )
        connection.execute(organisations.Row.table.insert(), [row(organisations.Row.table, **sender)])
    engine.dispose()
    return world


def find(world: World, organisation: str = "provider", role: Role = Role.AGENCY, **asked: Any) -> Response:
    """Ask as the provider at whose portal Ann is; `headers` change those that are sent."""
    headers = {"Session-Id": world.id["ann.session"], "Processing-Activity": WHY} | asked.pop("headers", {})
    given = {name: value or None for name, value in headers.items()}
    return world.caller(role, organisation).reads("/findUsage", given, asked)


def ids(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [it["queryId"] for it in answer.json()["dataResponses"]]


def test_a_look_is_told_as_the_contract_says(looked: World) -> None:
    answer = find(looked).json()
    assert (answer["totalUsages"], answer["returnedUsages"]) == (3, 3)
    assert answer["dataResponses"][-1] == {
        "logTime": (looked.clock.now - timedelta(days=5)).isoformat().replace("+00:00", "Z"),
        "purpose": "activity-0",
        "logSourceSystem": "Kroniek",
        "bulkProcessing": False,
        "queryId": "look-0",
        "initiatorOrg": {"type": "GOV", "name": "De verzender", "code": "12345678"},
        "target": {"type": "GOV", "name": "Kroniek"},
        "categories": ["keys", "messages"],
    }


def test_the_newest_come_first_in_pages_that_overlap_nowhere(looked: World) -> None:
    assert ids(find(looked)) == ["look-2", "look-1", "look-0"]
    pages = [ids(find(looked, limit=1, offset=skipped)) for skipped in range(4)]
    assert pages == [["look-2"], ["look-1"], ["look-0"], []]
    assert find(looked, limit=1, offset=2).json()["totalUsages"] == 3


def test_a_period_has_both_its_ends(looked: World) -> None:
    begun = looked.clock.now - timedelta(days=5)

    def between(start: datetime, end: datetime) -> list[str]:
        return ids(find(looked, periodStart=at(start), periodEnd=at(end)))

    assert between(begun, begun + timedelta(days=1)) == ["look-1", "look-0"]
    assert between(begun + timedelta(seconds=1), begun + timedelta(days=1, seconds=-1)) == []


def test_what_programs_looked_at_is_told_when_it_is_asked_for(looked: World) -> None:
    assert ids(find(looked, includeBulkProcessing="true")) == ["look-3", "look-2", "look-1", "look-0"]


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({"processingType": "DATA_RESPONSE"}, 3),
        ({"processingType": ["DATA_REQUEST", "DATA_RESPONSE"]}, 3),
        ({"processingType": "INTERNAL_PROCESSING"}, 0),
        ({"logSourceSystems": "Kroniek"}, 3),
        ({"logSourceSystems": "Digilugu"}, 0),
    ],
    ids=range(5),
)
def test_other_kinds_and_systems_have_no_usages_here(looked: World, asked: dict[str, Any], there: int) -> None:
    assert find(looked, **asked).json()["totalUsages"] == there


def test_the_question_is_on_record_before_it_is_answered(looked: World, module_database_url: str) -> None:
    before = looked.holdings()
    assert ids(find(looked, processingType="DATA_REQUEST")) == []
    assert looked.holdings()[:2] == (before[0] + 1, before[1] + 1)
    with psycopg.connect(module_database_url) as connection:
        found = connection.execute(
            "SELECT name, activity, convert_from(payload, 'UTF8') FROM log.event ORDER BY position DESC LIMIT 1"
        ).fetchone()
    assert found is not None
    assert found[:2] == ("access.recorded.v1", WHY)
    assert f'{{"subject_id":"{looked.id["ann"]}","categories":["accesses"]}}' in found[2]


@pytest.mark.usefixtures("nothing_changes")
def test_what_cannot_be_recorded_is_not_told(looked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_order: object) -> Receipt:
        raise ConnectionError

    monkeypatch.setattr("api.web.access_record.handle", lost)
    answer = find(looked)
    must_be_refused(answer, 503, "access-not-recorded")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"headers": {"Processing-Activity": ""}}, 400, "processing-activity-not-named"),
        ({"headers": {"Session-Id": ""}}, 422, "session-missing"),
        ({"headers": {"Session-Id": "no-such-session"}}, 403, "no-session-at-caller"),
        ({"headers": {"X-Road-UserId": "EE38001085718"}}, 403, "not-the-person"),
        ({"userCode": "EE38001085718"}, 403, "not-the-person"),
        ({"organisation": "agency"}, 403, "no-session-at-caller"),
        ({"role": Role.AUDITOR}, 403, "role-not-allowed"),
        ({"role": Role.SYSTEM}, 403, "role-not-allowed"),
        ({"limit": 0}, 400, "malformed-request"),
        ({"limit": 1_001}, 400, "malformed-request"),
        ({"offset": -1}, 400, "malformed-request"),
        ({"offset": 100_001}, 400, "malformed-request"),
        ({"periodStart": "2026-01-01T00:00:00"}, 400, "malformed-request"),
        ({"periodEnd": "soon"}, 400, "malformed-request"),
        ({"processingType": "SOMETHING"}, 400, "malformed-request"),
        ({"includeBulkProcessing": "perhaps"}, 400, "malformed-request"),
        ({"personId": "x"}, 400, "malformed-request"),
    ],
    ids=range(17),
)
def test_it_is_refused(looked: World, asked: dict[str, Any], status: int, code: str) -> None:
    must_be_refused(find(looked, **asked), status, code)


def test_the_contracts_names_of_the_person_may_be_the_persons_id(looked: World) -> None:
    ann = looked.id["ann"]
    assert len(ids(find(looked, userCode=ann, headers={"X-Road-UserId": ann}))) == 3


def test_a_session_that_is_over_shows_nobody(looked: World) -> None:
    session = looked.id["session.ending"]
    looked.does("end-session", "identity-provider", session_id=session)
    answer = find(looked, headers={"Session-Id": session})
    must_be_refused(answer, 403, "no-session-at-caller")


def test_looks_at_others_are_not_told_without_our_own_filter_either(
    looked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL shows the looks at the person in the session; that some of them are suppressed is for the filter."""
    monkeypatch.setattr("projections.accesses.visible_to", lambda *_: true())
    assert set(ids(find(looked, includeBulkProcessing="true"))) == {f"look-{at}" for at in range(5)}
