"""GraphQL over HTTP: who is let in, which media types, what errors say, limits, caches, one's own writes, the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from graphql import get_introspection_query

from api.graph.protocol import documents
from api.graph.protocol.policy import GraphPolicy
from api.graph.queries import query_context
from api.web.door_bounds import Bounds
from application.ports import Role
from projections import consents, messages, organisations, services
from tests.api.world.graph import POSITION, Graph, graph_over, nodes

HELLO = "{ organisations { totalCount } }"
GRAPHQL = "application/graphql-response+json"
SPOKEN_FROM = {
    "position": POSITION,
    "readModels": [{"name": "organisations", "version": 1, "position": POSITION, "lagEvents": 0, "lagS": 0}],
    "cost": {"requested": 11, "most": 5_000},
}


# --- Requests -------------------------------------------------------------------------------------------------------


def test_a_request_needs_a_token(graph: Graph) -> None:
    answer = graph.anybody.asks(HELLO)
    assert (answer.status, answer.codes) == (401, ["unauthenticated"])
    assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = graph.asks(HELLO, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status, answer.codes) == (401, ["invalid-token"])


def test_a_query_may_stand_in_the_address(graph: Graph) -> None:
    query = "query Q($first: Int) { organisations(first: $first) { totalCount } }"
    asked = {"query": query, "variables": '{"first": 1}', "operationName": "Q"}
    response = graph.caller().reads("/graphql", params=asked)
    assert response.json() == {"data": {"organisations": {"totalCount": 0}}, "extensions": SPOKEN_FROM}


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed-json"),
        (b"[]", "application/json", 400, "batch-not-allowed"),
        (b"7", "application/json", 400, "malformed-request"),
        (b"{}", "application/json", 400, "query-missing"),
        (b'{"query": 7}', "application/json", 400, "query-missing"),
        (b'{"query": []}', "application/json", 400, "query-missing"),
        (b'{"query": "{a}", "variables": []}', "application/json", 400, "malformed-request"),
        (b'{"query": "{a}", "operationName": 1}', "application/json", 400, "malformed-request"),
        (b'{"query": "{a}", "extensions": "x"}', "application/json", 400, "malformed-request"),
        (b'{"query": "{a}"}', "text/plain", 415, "unsupported-media-type"),
        (b'{"query": "{a}"}', "application/json; charset=latin-1", 415, "unsupported-media-type"),
        (b'{"query": "' + b"a" * 300_000 + b'"}', "application/json", 413, "body-too-large"),
        (b'{"query": "query A { __typename }", "operationName": "B"}', "application/json", 400, "operation-not-found"),
        (b'{"query": "mutation { a }"}', "application/json", 400, "operation-not-allowed"),
    ],
)
def test_a_malformed_request_is_refused(graph: Graph, content: bytes, media_type: str, status: int, code: str) -> None:
    response = graph.caller().requests("POST", "/graphql", {"Content-Type": media_type}, content=content)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, application/*", "application/json"),
    ],
)
def test_the_answer_has_the_media_type_that_was_asked_for(graph: Graph, accept: str, media_type: str) -> None:
    answer = graph.asks(HELLO, headers={"Accept": accept})
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.data == {"organisations": {"totalCount": 0}}


def test_what_cannot_be_answered_in_an_accepted_type_is_refused(graph: Graph) -> None:
    for accept in ("image/png", "application/json;q=0"):
        answer = graph.asks(HELLO, headers={"Accept": accept})
        assert (answer.status, answer.codes) == (406, ["not-acceptable"])


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", None, "graphql-syntax"),
        ("{ nothing }", None, "graphql-invalid"),
        ("query Q($first: Int) { organisations(first: $first) { totalCount } }", {"first": "x"}, "graphql-invalid"),
        (
            "query Q($at: DateTime) { activeConsents(jurisdiction: BE, asOf: $at) { persons } }",
            {"at": "2022-01-01"},
            "",
        ),
    ],
)
def test_a_refused_document_is_400_only_in_the_newer_media_type(
    graph: Graph, query: str, variables: dict[str, Any] | None, code: str
) -> None:
    new = graph.asks(query, variables=variables, headers={"Accept": GRAPHQL})
    old = graph.asks(query, variables=variables)
    assert (new.status, old.status) == (400, 200)
    assert new.codes == old.codes == [code or "graphql-invalid"]
    assert "data" not in new.body


# --- Errors ---------------------------------------------------------------------------------------------------------


def test_an_unexpected_error_says_nothing(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> Any:
        raise RuntimeError("secret-of-the-house")

    monkeypatch.setattr(query_context.QueryContext, "rows", fail)
    with structlog.testing.capture_logs() as logs:
        answer = graph.asks("{ activeConsents(jurisdiction: BE) { consents } }")
    error = answer.body["errors"][0]
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "internal-error"
    assert error["extensions"]["correlationId"]
    assert error["path"] == ["activeConsents"]
    assert "secret" not in str(answer.body)
    assert [(log["event"], log["error"]) for log in logs] == [("graphql_failed", "RuntimeError")]
    assert "secret" not in str(logs)


def test_a_row_that_breaks_the_schema_is_an_internal_error(graph: Graph) -> None:
    graph.have(organisations.Row.table, {"organisation_id": "org-a", "level": "galactic"})
    answer = graph.asks('{ organisation(id: "org-a") { level } }')
    assert answer.codes == ["internal-error"]
    assert "galactic" not in str(answer.body)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ organisations(first: 101) { totalCount } }", "page-too-large"),
        ("{ organisations(last: 101) { totalCount } }", "page-too-large"),
        ("{ organisations(first: -1) { totalCount } }", "invalid-page-size"),
        ("{ organisations(first: 1, last: 1) { totalCount } }", "ambiguous-page"),
        ('{ organisation(id: "a\\u0000b") { level } }', "invalid-value"),
        ('{ figures(jurisdiction: BE, period: "soon") { value } }', "invalid-period"),
        ('{ figure(id: "luck", jurisdiction: BE, period: "2021") { value } }', "figure-not-found"),
        ("{ openRates(jurisdiction: BE, years: []) { rows { senderType } } }", "invalid-years"),
        ("{ openRates(jurisdiction: BE, years: [1066]) { rows { senderType } } }", "invalid-years"),
        ('{ busCounts(by: [MONTH], where: { months: { first: "2021-13" } }) { accepted } }', "invalid-month"),
    ],
)
def test_a_wrong_value_has_a_code(graph: Graph, query: str, code: str) -> None:
    answer = graph.asks(query)
    assert (answer.status, answer.codes) == (200, [code])


def test_a_filter_names_a_bounded_number_of_values(graph: Graph) -> None:
    query = "query Q($by: [String!]) { busTransactions(where: { serviceFamily: $by }) { totalCount } }"
    assert graph.asks(query, variables={"by": ["person"] * 101}).codes == ["filter-too-long"]


# --- Limits and caches ----------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    """Ask for the organisation of the service of the organisation ..., so many fields deep."""
    names = ["organisations", "edges", "node", *(["services", "organisation"] * depth)][: depth - 1]
    last = "id"
    return "{ " + " { ".join([*names, last]) + " }" * depth


def test_fields_are_nested_at_most_six_deep(graph: Graph) -> None:
    fragments = """
    query { organisations { edges { node { ...A } } } }
    fragment A on Organisation { services { organisation { ...B } } }
    fragment B on Organisation { services { id } }
    """
    assert "errors" not in graph.asks(nested(6)).body
    assert graph.asks(nested(7)).codes == ["query-too-deep"]
    assert graph.asks(fragments).codes == ["query-too-deep"]
    assert graph.asks("{" + "a{" * 900 + "a" + "}" * 901).codes == ["too-many-tokens"]
    assert graph.asks("{" + "a{" * 300 + "a" + "}" * 301).codes == ["query-too-deep"]


def test_fragments_that_name_each_other_end(graph: Graph) -> None:
    query = """
    { organisations { ...A } }
    fragment A on OrganisationConnection { ...B }
    fragment B on OrganisationConnection { ...A }
    """
    assert "graphql-invalid" in graph.asks(query).codes


def test_a_document_has_at_most_fifteen_aliases(graph: Graph) -> None:
    def aliased(count: int) -> str:
        return "{ " + " ".join(f"a{at}: organisations {{ totalCount }}" for at in range(count)) + " }"

    assert len(graph.asks(aliased(15)).data) == 15
    assert graph.asks(aliased(16)).codes == ["too-many-aliases"]


def test_introspection_is_answered(graph: Graph) -> None:
    found = graph.asks(get_introspection_query(input_value_deprecation=True)).data["__schema"]["types"]
    assert {"Consent", "Message", "Invoice", "BusTransaction", "Figure"} <= {it["name"] for it in found}


def test_a_document_is_parsed_and_validated_once(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("parse", "validate"):
        original = getattr(documents, name)

        def noted(*given: Any, name: str = name, original: Any = original, **more: Any) -> Any:
            done.append(name)
            return original(*given, **more)

        monkeypatch.setattr(documents, name, noted)
    for _ in range(3):
        assert graph.asks("query Cached { organisations { totalCount } }").data
    assert done == ["parse", "validate"]


# --- Answers in part ------------------------------------------------------------------------------------------------

FAILS = {
    "page-too-large": "bad: organisations(first: 101) { totalCount }",
    "invalid-page-size": "bad: organisations(first: -1) { totalCount }",
    "ambiguous-page": "bad: organisations(first: 1, last: 1) { totalCount }",
    "invalid-cursor": 'bad: organisations(after: "") { edges { node { id } } }',
    "invalid-period": 'bad: figures(jurisdiction: BE, period: "x") { value }',
    "invalid-month": 'bad: busCounts(by: [], where: { months: { first: "2021" } }) { accepted }',
    "invalid-value": 'bad: organisation(id: "\\u0000") { id }',
}


@pytest.mark.parametrize("code", FAILS)
def test_a_field_that_fails_leaves_the_answers_beside_it(code: str, graph: Graph) -> None:
    answer = graph.asks(f"{{ good: organisations(first: 1) {{ totalCount }} {FAILS[code]} }}")
    assert answer.status == 200
    assert answer.body["data"] == {"good": {"totalCount": 0}, "bad": None}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.body["errors"]] == [(["bad"], code)]


# --- One's own writes -----------------------------------------------------------------------------------------------


def test_a_query_waits_for_the_position_it_names(read_models_url: str) -> None:
    with graph_over(read_models_url, bounds=Bounds(own_write_wait_s=0.05)) as graph:
        assert graph.asks(HELLO, headers={"X-Position": str(POSITION)}).body["extensions"] == SPOKEN_FROM
        late = graph.asks(HELLO, headers={"X-Position": str(POSITION + 1)})
    assert (late.status, late.codes, late.headers["retry-after"]) == (503, ["not-yet-projected"], "1")


def test_a_position_of_another_log_is_refused(graph: Graph) -> None:
    answer = graph.asks(HELLO, headers={"X-Position": str(POSITION)})
    log_id = answer.headers["x-log-id"]
    assert graph.asks(HELLO, headers={"X-Position": str(POSITION), "X-Log-Id": log_id}).status == 200
    other = graph.asks(HELLO, headers={"X-Position": str(POSITION), "X-Log-Id": "another"})
    assert (other.status, other.codes) == (409, ["other-log"])


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "9" * 30])
def test_a_position_is_a_number(graph: Graph, position: str) -> None:
    answer = graph.asks(HELLO, headers={"X-Position": position})
    assert (answer.status, answer.codes) == (400, ["invalid-position"])


# --- Reading --------------------------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_counted(graph: Graph) -> None:
    graph.have(consents.Row.table, {"consent_id": "c", "provider_id": "org-a"})
    graph.asks("{ consents { edges { node { consentId } } } }")
    assert not [it for it in graph.queries if "count(" in it]
    graph.queries.clear()
    assert graph.asks("{ consents { totalCount } }").data == {"consents": {"totalCount": 1}}
    assert [it for it in graph.queries if "read.consents" in it and "count(" not in it and "EXPLAIN" not in it] == []


@pytest.mark.parametrize("count", [1, 5, 40])
@pytest.mark.parametrize("planned", [True, False])
def test_nested_fields_cost_one_query_for_all_parents(read_models_url: str, count: int, *, planned: bool) -> None:
    with graph_over(read_models_url, GraphPolicy(planned=planned)) as graph:
        reads = _reads_of_nested_fields(graph, count)
    # By a plan, two pages with all that is in them. Else two pages; enrolments, services and timelines; the
    # organisations of services and of senders (one batch or two).
    assert len(reads) == 2 if planned else 6 <= len(reads) <= 7


def _reads_of_nested_fields(graph: Graph, count: int) -> Sequence[str]:
    numbers = range(count)
    graph.have(organisations.Row.table, *({"organisation_id": f"org-{at}"} for at in numbers))
    graph.have(services.Row.table, *({"service_id": f"s-{at}", "organisation_id": f"org-{at}"} for at in numbers))
    graph.have(messages.Row.table, *({"message_id": f"m-{at}", "sender_id": f"org-{at}"} for at in numbers))
    graph.queries.clear()
    answer = graph.asks(
        """{
        organisations(first: 100) { edges { node { enrolments { role } services { organisation { level } } } } }
        messages(first: 100) { edges { node { sender { level } timeline { happening } } } }
        }"""
    )
    assert len(nodes(answer.data["messages"])) == count
    return [it for it in graph.queries if "FROM read." in it and "read.build" not in it]


def test_a_role_may_not_ask_for_what_it_has_nothing_to_do_with(graph: Graph) -> None:
    query = "{ serviceUse(by: [MONTH]) { uses } }"
    assert graph.asks(query, role=Role.AGENCY).codes == ["role-not-allowed"]
    assert graph.asks(query, role=Role.AUDITOR).data == {"serviceUse": []}


# --- The page -------------------------------------------------------------------------------------------------------


def test_a_browser_finds_a_page_that_needs_nothing_from_elsewhere(graph: Graph) -> None:
    page = graph.anybody.reads("/graphql", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    for name, media_type in (("page.js", "text/javascript"), ("page.css", "text/css")):
        assert f"/graphql/{name}" in page.text
        file = graph.anybody.reads(f"/graphql/{name}")
        assert (file.status_code, file.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
        assert "://" not in file.text
    assert graph.anybody.reads("/graphql/index.py").status_code == 404
