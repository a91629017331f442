"""Looks at personal data: why they are made, that each is on record or not made, and what a person is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.graph.queries.disclosure import NOTES
from application.ports import Append, Role
from domain.access.access import AccessOutcome, AccessRecorded, Category, SubjectAccess
from domain.identity.session import SESSION, AuthenticationSucceeded, SessionEnded
from domain.kernel import Context
from projections import access_suppressions, accesses, consents, keys, messages, people
from tests.api.world.access_rows import NOBODY
from tests.api.world.graph import NOW, Graph, nodes
from tests.api.world.rows import AT, WHY
from tests.infrastructure.examples import example
from tests.memory_log import MemoryLog

ANN, BOB = "ann", "bob"
LETTERS = "{ messages(first: 100) { edges { node { id } } } }"


def recorded(graph: Graph) -> Sequence[AccessRecorded]:
    return [it.event for it in graph.log.recorded() if isinstance(it.event, AccessRecorded)]


def looks(graph: Graph) -> dict[str, set[str]]:
    """Return what was recorded since the log was forgotten: the categories of each person."""
    found: dict[str, set[str]] = {}
    for event in recorded(graph):
        for look in event.looks:
            found.setdefault(look.subject_id, set()).update(look.categories)
    return found


@pytest.fixture(autouse=True)
def nothing_recorded(graph: Graph) -> None:
    graph.log.rows.clear()


# --- Which types ----------------------------------------------------------------------------------------------------

# Types of which no object is about one person. A new type stands here, or its read model says whom it is about.
IMPERSONAL = {
    *("Query", "PageInfo", "Organisation", "Enrolment", "Service", "ServiceFamily", "ActiveConsents"),
    *("AuthenticationCount", "ServiceUse", "KeyUse", "MessageCount", "OpenRateCohort", "BusTransaction", "BusCount"),
    *("InvoiceCount", "DailyCount", "Figure", "FigurePoint", "FigureDefinition", "Text", "Growth", "Provenance"),
    *("OpenRateTable", "OpenRateRow", "OpenRateYear", "OpenRate", "OpenRateDifference", "UseIndex", "IndexPoint"),
    # Who ordered something for the platform is an officer at work.
    "ProjectionAct",
}


WITHIN = {"MessageStep", "InvoiceStep", "PersonalText", "ErasureOfPurpose"}
"""Types whose objects stand only below an object that is noted."""


def test_of_every_type_it_is_said_whether_it_is_about_a_person() -> None:
    types = {
        name for name, it in GRAPHQL_SCHEMA.type_map.items() if hasattr(it, "fields") and hasattr(it, "interfaces")
    }
    objects = {name for name in types if not name.startswith("__")}
    grouped = {name for name in objects if name.endswith(("Connection", "Total"))}
    edges = {name for name in objects if name.endswith("Edge")}
    assert objects - grouped - edges == (NOTES.keys() - edges) | WITHIN | IMPERSONAL
    assert {name for name in edges if name.removesuffix("Edge") in NOTES} == edges & NOTES.keys()


def test_no_type_with_the_id_of_a_person_is_taken_for_impersonal() -> None:
    of_persons = {
        "personId",
        "mailboxId",
        "mandatorId",
        "mandataryId",
        "grantorId",
        "actingPersonId",
        "sellerContactId",
    }
    assert [name for name in IMPERSONAL if of_persons & set(GRAPHQL_SCHEMA.type_map[name].fields)] == []  # type: ignore[attr-defined]


# --- Why ------------------------------------------------------------------------------------------------------------

PERSONAL = (
    '{ person(id: "ann") { id } }',
    "{ people { edges { cursor } } }",
    "query Q { ...Q2 } fragment Q2 on Query { people { ... { edges { ...E } } } } fragment E on PersonEdge { cursor }",
    '{ inbox(mailboxId: "ann") { edges { node { status } } } }',
    '{ mayAct(mandataryId: "ann", mandatorId: "bob", serviceId: "tax") { allowed } }',
)
PUBLIC = ("{ organisations { totalCount } }", "{ __schema { queryType { name } } }", "{ people { totalCount } }")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("query", PERSONAL, ids=range(len(PERSONAL)))
def test_who_looks_at_personal_data_says_why(graph: Graph, query: str, role: Role) -> None:
    answer = graph.asks(query, role=role, headers={"Processing-Activity": ""})
    assert (answer.status, answer.codes) == (400, ["processing-activity-not-named"])
    assert graph.queries == []
    assert "data" not in answer.body


@pytest.mark.parametrize("query", PUBLIC, ids=range(len(PUBLIC)))
def test_other_questions_need_no_reason(graph: Graph, query: str) -> None:
    graph.have(people.Row.table, {"person_id": ANN})
    assert "errors" not in graph.asks(query, headers={"Processing-Activity": ""}).body
    assert recorded(graph) == []


def test_only_the_operation_that_is_asked_counts(graph: Graph) -> None:
    query = "query Public { organisations { totalCount } } query Private { people { edges { cursor } } }"
    body = {"query": query, "operationName": "Public"}
    aimless = replace(graph.caller(), activity="")
    assert aimless.requests("POST", "/graphql", json=body).json()["data"]
    refused = aimless.requests("POST", "/graphql", json={**body, "operationName": "Private"})
    assert refused.json()["errors"][0]["extensions"]["code"] == "processing-activity-not-named"


@pytest.mark.parametrize(
    "query", ["{ people { pageInfo { endCursor } } }", '{ inbox(mailboxId: "ann") { totalCount } }']
)
def test_what_only_the_answer_shows_to_be_personal_is_not_given_without_a_reason(graph: Graph, query: str) -> None:
    graph.have(people.Row.table, {"person_id": ANN})
    graph.have(messages.Row.table, {"message_id": "m", "mailbox_id": ANN})
    answer = graph.asks(query, headers={"Processing-Activity": ""})
    assert (answer.status, answer.codes) == (400, ["processing-activity-not-named"])
    assert "data" not in answer.body


@pytest.mark.parametrize("why", ["85073003328", "a b", "é", "<x>", "x" * 201, "/x", "a\\b", '"a"'])
def test_a_reason_has_the_form_of_an_id(graph: Graph, why: str) -> None:
    answer = graph.asks(LETTERS, headers={"Processing-Activity": why})
    assert answer.codes == ["invalid-processing-activity"]
    assert why not in str(answer.body)


@pytest.mark.parametrize(
    "why", ["x", "x" * 200, "avg:17", "https://register.example/a/17?v=2#b", "urn:uuid:1-2", "a'b(c)"]
)
def test_names_and_addresses_are_reasons(graph: Graph, why: str) -> None:
    graph.have(messages.Row.table, {"message_id": "m", "mailbox_id": ANN})
    assert "errors" not in graph.asks(LETTERS, headers={"Processing-Activity": why}).body
    assert [it.context.activity for it in graph.log.recorded()] == [why]


# --- On record ------------------------------------------------------------------------------------------------------


def test_it_is_recorded_who_looked_for_whom_at_what_and_why(graph: Graph) -> None:
    graph.have(messages.Row.table, {"message_id": "m-1", "mailbox_id": ANN}, {"message_id": "m-2", "mailbox_id": BOB})
    graph.have(messages.Row.table, {"message_id": "m-3", "mailbox_id": "enterprise", "owner_kind": "enterprise"})
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = graph.asks(LETTERS, organisation="org-a via software-house", headers={"traceparent": trace})
    assert len(nodes(answer.data["messages"])) == 3
    (entry,) = graph.log.recorded()
    assert entry.event == AccessRecorded(
        access_id=entry.aggregate_id,
        on_behalf_of="org-a",
        supplier_id="software-house",
        automated=False,
        outcome=AccessOutcome.ANSWERED,
        looks=tuple(SubjectAccess(subject_id=it, categories=(Category.MESSAGES,)) for it in (ANN, BOB)),
    )
    context = entry.context
    assert (context.organisation_id, context.activity, context.trace) == ("org-a", WHY, trace)
    assert (context.acting_id, context.effective_at) == ("tester via software-house", NOW)


def test_it_says_where_only_a_part_could_be_answered(graph: Graph) -> None:
    graph.have(keys.Row.table, {"key_id": "k", "person_id": ANN})
    answer = graph.asks(
        '{ key(id: "k") { id } person(id: "a\\u0000b") { id } }',
    )
    assert answer.body["data"] == {"key": {"id": "k"}, "person": None}
    assert [it.outcome for it in recorded(graph)] == [AccessOutcome.ANSWERED_IN_PART]


def test_a_program_of_the_platform_is_told_apart(graph: Graph) -> None:
    graph.have(keys.Row.table, {"key_id": "k", "person_id": ANN})
    graph.asks('{ key(id: "k") { id } }', role=Role.SYSTEM)
    graph.asks('{ key(id: "k") { id } }', role=Role.ADMINISTRATOR)
    assert [it.automated for it in recorded(graph)] == [True, False]


def test_many_persons_stand_in_several_events_of_one_stream(graph: Graph) -> None:
    graph.have(people.Row.table, *({"person_id": f"p-{at:03}"} for at in range(150)))
    pages = "a: people(first: 100) { edges { node { id } } } b: people(last: 100) { edges { node { id } } }"
    graph.asks(f"{{ {pages} }}")
    assert [len(it.looks) for it in recorded(graph)] == [100, 50]
    assert {it.stream for it in graph.log.recorded()} == {f"access-{recorded(graph)[0].access_id}"}
    assert len(looks(graph)) == 150


def test_what_was_read_ahead_is_not_looked_at(graph: Graph) -> None:
    graph.have(
        people.Row.table, *({"person_id": f"p-{at}", "registered_at": AT + timedelta(days=at)} for at in range(4))
    )
    graph.asks("{ people(first: 2) { edges { node { id } } pageInfo { hasNextPage } } }")
    assert looks(graph) == {"p-3": {"identification"}, "p-2": {"identification"}}


def test_who_is_asked_about_is_looked_at_where_something_was_counted(graph: Graph) -> None:
    graph.have(consents.Row.table, {"consent_id": "c", "person_id": ANN, "acting_person_id": ANN})
    for person in (ANN, BOB, NOBODY):
        graph.asks(
            "query Q($who: ID) { consents(where: { personId: $who }) { totalCount } }", variables={"who": person}
        )
    assert looks(graph) == {ANN: {"consents"}}


# --- No record, no answer -------------------------------------------------------------------------------------------


class LostError(Exception):
    pass


def broken(log: MemoryLog, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    async def lost(_appends: Sequence[Append]) -> Any:
        raise error

    monkeypatch.setattr(log, "append", lost)


@pytest.mark.parametrize("media_type", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize(
    "error", [LostError("a secret"), OSError(), TimeoutError(), ValueError()], ids=lambda it: type(it).__name__
)
def test_what_cannot_be_recorded_is_not_shown(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, error: Exception, media_type: str
) -> None:
    graph.have(messages.Row.table, {"message_id": "m-secret", "mailbox_id": ANN})
    broken(graph.log, monkeypatch, error)
    answer = graph.asks(LETTERS, headers={"Accept": media_type})
    assert (answer.status, answer.codes) == (503, ["access-not-recorded"])
    assert answer.headers["retry-after"] == "1"
    assert "data" not in answer.body
    assert "secret" not in str(answer.body)


def test_what_is_nobodys_is_answered_without_a_record(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(graph.log, monkeypatch, LostError())
    assert graph.asks("{ organisations { totalCount } people { totalCount } }").data
    assert nodes(graph.asks(LETTERS).data["messages"]) == []


# --- A person's own question ----------------------------------------------------------------------------------------

OWN = """query Q($session: ID) {
  accesses(sessionId: $session) { totalCount edges { node { personId organisationId actingId } } }
}"""
SERIALS = count(1)
OPENED = replace(
    example(AuthenticationSucceeded),
    session_id="session-1",
    person_id=ANN,
    organisation_id="org-a",
    opened_at=NOW - timedelta(minutes=5),
    expires_at=NOW + timedelta(minutes=5),
)


def having(graph: Graph, *events: Any) -> str:
    """Write a session with these events; return its id."""
    session_id = f"session-{next(SERIALS)}"
    stream = SESSION.stream(session_id)
    context = Context(acting_id=ANN, effective_at=AT)
    append = Append(stream=stream, events=events, expected={stream: 0}, context=context)
    asyncio.run(graph.log.append([append]))
    graph.log.rows.clear()
    return session_id


def looked_at(graph: Graph) -> None:
    """Two organisations looked at Ann, one of them at Bob too."""
    graph.have(
        accesses.Row.table,
        {"access_id": "1", "subject_id": ANN, "organisation_id": "police", "accessed_at": AT},
        {"access_id": "2", "subject_id": ANN, "organisation_id": "org-b", "accessed_at": AT + timedelta(days=1)},
        {"access_id": "3", "subject_id": BOB, "organisation_id": "police", "accessed_at": AT + timedelta(days=2)},
    )


def told(graph: Graph, session: str) -> tuple[int, list[str]]:
    answer = graph.asks(OWN, role=Role.AGENCY, variables={"session": session}).data["accesses"]
    assert {it["personId"] for it in nodes(answer)} <= {ANN}
    assert {it["actingId"] for it in nodes(answer)} <= {None}
    return answer["totalCount"], [it["organisationId"] for it in nodes(answer)]


def test_a_person_learns_who_looked_and_why_the_newest_first(graph: Graph) -> None:
    looked_at(graph)
    assert told(graph, having(graph, OPENED)) == (2, ["org-b", "police"])
    assert looks(graph) == {ANN: {"accesses"}}


def test_the_question_is_on_record_also_if_nobody_looked(graph: Graph) -> None:
    assert told(graph, having(graph, OPENED)) == (0, [])
    assert looks(graph) == {ANN: {"accesses"}}


@pytest.mark.parametrize(
    ("events", "organisation"),
    [
        ((), "org-a"),
        ((OPENED,), "org-b"),
        ((OPENED, SessionEnded(session_id="session-1", person_id=ANN)), "org-a"),
        ((replace(OPENED, expires_at=NOW),), "org-a"),
        ((replace(OPENED, opened_at=NOW + timedelta(seconds=1)),), "org-a"),
    ],
    ids=["none", "elsewhere", "ended", "expired", "to come"],
)
def test_only_an_open_session_at_the_caller_shows_who_asks(
    graph: Graph, events: Sequence[Any], organisation: str
) -> None:
    looked_at(graph)
    session = having(graph, *events) if events else "no-such-session"
    answer = graph.asks(OWN, role=Role.AGENCY, organisation=organisation, variables={"session": session})
    assert answer.codes == ["no-session-at-caller"]
    assert recorded(graph) == []


def test_one_request_asks_on_behalf_of_one_person(graph: Graph) -> None:
    looked_at(graph)
    anns, bobs = having(graph, OPENED), having(graph, replace(OPENED, person_id=BOB))
    first, second = (f"accesses(sessionId: ${it}) {{ totalCount }}" for it in ("one", "two"))
    both = f"query Q($one: ID, $two: ID) {{ a: {first} b: {second} }}"
    answer = graph.asks(both, role=Role.AGENCY, variables={"one": anns, "two": bobs})
    assert answer.codes == ["not-the-person"]
    assert [answer.body["data"][name] is None for name in ("a", "b")] in ([True, False], [False, True])
    assert len(looks(graph)) <= 1
    same = graph.asks(both, role=Role.AGENCY, variables={"one": anns, "two": having(graph, OPENED)}).data
    assert same == {"a": {"totalCount": 2}, "b": {"totalCount": 2}}


@pytest.mark.parametrize("session", ["", "a.b", "a b", "session\u0000", "x" * 81, "é"])
def test_what_is_no_id_of_a_session_shows_nobody(graph: Graph, session: str) -> None:
    answer = graph.asks(OWN, role=Role.AGENCY, variables={"session": session})
    assert answer.codes == ["no-session-at-caller"]


def test_an_agency_names_the_session_and_other_roles_are_refused(graph: Graph) -> None:
    assert graph.asks(OWN, role=Role.AGENCY).codes == ["session-missing"]
    for role in (Role.ADMINISTRATOR, Role.SYSTEM):
        assert graph.asks(OWN, role=role).codes == ["role-not-allowed"]


def test_an_auditor_asks_about_anybody(graph: Graph) -> None:
    looked_at(graph)
    query = (
        "query Q($who: ID) { accesses(where: { personId: $who }) { totalCount edges { node { personId actingId } } } }"
    )
    answer = graph.asks(query, variables={"who": ANN}).data["accesses"]
    assert nodes(answer) == [{"personId": ANN, "actingId": "official-7"}] * 2
    assert graph.asks(query).data["accesses"]["totalCount"] == 3
    assert looks(graph) == {ANN: {"accesses"}, BOB: {"accesses"}}


# --- Suppression ----------------------------------------------------------------------------------------------------

POLICE = {"suppression_id": "s", "person_id": ANN, "organisation_id": "police"}


@pytest.mark.parametrize(
    ("changed", "hidden"),
    [
        ({}, True),
        ({"since": AT + timedelta(seconds=1)}, False),
        ({"until": NOW}, False),
        ({"lifted_at": AT}, False),
        ({"person_id": BOB}, False),
        ({"organisation_id": "org-b"}, False),
    ],
    ids=["in force", "later", "over", "lifted", "other person", "other organisation"],
)
def test_what_is_suppressed_is_left_out_without_a_trace(graph: Graph, changed: dict[str, Any], *, hidden: bool) -> None:
    session = having(graph, OPENED)
    looked_at(graph)
    graph.have(access_suppressions.Row.table, {**POLICE, **changed})
    kept = ["police"] if changed.get("organisation_id") else ["org-b"] if hidden else ["org-b", "police"]
    assert told(graph, session) == (len(kept), kept)
    with_suppression = graph.asks(OWN, role=Role.AGENCY, variables={"session": session}).body
    graph.clear()
    rows = {"police": {"access_id": "1", "accessed_at": AT}, "org-b": {"access_id": "2", "accessed_at": AT}}
    graph.have(accesses.Row.table, *({**rows[it], "subject_id": ANN, "organisation_id": it} for it in kept[:1]))
    if len(kept) == 1:
        # Whatever else the answer says is as if what is left out had never been.
        assert graph.asks(OWN, role=Role.AGENCY, variables={"session": session}).body == with_suppression


def test_auditors_see_what_is_suppressed_and_that_it_is(graph: Graph) -> None:
    looked_at(graph)
    graph.have(access_suppressions.Row.table, POLICE)
    answer = graph.asks("{ accesses { totalCount } accessSuppressions { edges { node { personId ground } } } }").data
    assert answer["accesses"] == {"totalCount": 3}
    assert nodes(answer["accessSuppressions"]) == [{"personId": ANN, "ground": "article 23 GDPR, decision 12"}]
    assert looks(graph) == {ANN: {"accesses"}}


@pytest.mark.parametrize("role", [Role.AGENCY, Role.ADMINISTRATOR, Role.SYSTEM])
def test_nobody_else_sees_suppressions(graph: Graph, role: Role) -> None:
    assert graph.asks("{ accessSuppressions { totalCount } }", role=role).codes == ["role-not-allowed"]
