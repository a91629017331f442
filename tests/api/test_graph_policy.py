"""Trusted documents, ad-hoc queries, the schema, and what an organisation's queries may cost in a minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func

import api.graph.planned.lists
import api.graph.queries.connections
from api.cli import main
from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import AD_HOC_SCOPE, AdHoc, GraphPolicy, Introspection
from api.graph.protocol.trusted import EVERYBODY, hash_of
from api.web.rate_limits import Buckets
from application.ports import Caller, Role
from projections import organisations
from tests.api.world.graph import Graph, graph_over

HELLO = "{ organisations { totalCount } }"
ASKED = "query Trusted { organisations { totalCount } }"
SCHEMA_ASKED = "{ __schema { queryType { name } } }"
EVERY_ROLE = tuple(Role)


@contextmanager
def guarded(url: str, **policy: Any) -> Iterator[Graph]:
    with graph_over(url, GraphPolicy(**policy)) as graph:
        yield graph


def send(graph: Graph, body: dict[str, Any], role: Role = Role.AGENCY, organisation: str = "org-a") -> tuple[int, Any]:
    response = graph.caller(role, organisation).requests("POST", "/graphql", json=body)
    answer = response.json()
    return response.status_code, answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]


def put(folder: Path, owner: str, document: str) -> str:
    (folder / owner).mkdir(parents=True, exist_ok=True)
    (folder / owner / f"{hash_of(document)}.graphql").write_text(document)
    return hash_of(document)


# --- Trusted documents ----------------------------------------------------------------------------------------------


def test_a_trusted_document_is_asked_for_by_its_hash_alone(read_models_url: str, tmp_path: Path) -> None:
    known = put(tmp_path, "org-a", ASKED)
    common = put(tmp_path, EVERYBODY, HELLO)
    apollo = {"persistedQuery": {"version": 1, "sha256Hash": known}}
    with guarded(read_models_url, ad_hoc=AdHoc.REFUSED, documents=tmp_path) as graph:
        found = (200, {"organisations": {"totalCount": 0}})
        for body in (
            {"documentId": f"sha256:{known}"},
            {"documentId": known},
            {"extensions": apollo},
            {"query": ASKED},
        ):
            assert send(graph, body) == found
            other = send(graph, body, organisation="org-b")
            assert other in {(404, "document-not-found"), (403, "ad-hoc-not-allowed")}
        assert send(graph, {"documentId": common}, organisation="org-b") == found
        assert send(graph, {"documentId": known, "query": ASKED}) == found
        assert send(graph, {"documentId": known, "query": HELLO}) == (400, "document-hash-mismatch")
        assert send(graph, {"documentId": known}, organisation="../org-a")[1] == "document-not-found"
        for wrong in ("x", "../" + known, 7, known.upper()):
            assert send(graph, {"documentId": wrong}) == (400, "invalid-document-id")


def test_a_document_that_was_changed_or_taken_away_is_not_answered(read_models_url: str, tmp_path: Path) -> None:
    known = put(tmp_path, "org-a", ASKED)
    file = tmp_path / "org-a" / f"{known}.graphql"
    with guarded(read_models_url, documents=tmp_path) as graph:
        assert send(graph, {"documentId": known})[0] == 200
        file.write_text(HELLO)
        assert send(graph, {"documentId": known}) == (404, "document-not-found")
        file.write_text(ASKED)
        assert send(graph, {"documentId": known})[0] == 200
        file.unlink()
        assert send(graph, {"documentId": known}) == (404, "document-not-found")


def test_apollos_clients_are_told_to_send_the_document(read_models_url: str) -> None:
    with guarded(read_models_url) as graph:
        body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(ASKED)}}}
        response = graph.caller(Role.AGENCY).requests("POST", "/graphql", json=body)
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert send(graph, {**body, "query": ASKED})[0] == 200


def test_documents_are_put_on_a_list_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRONIEK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KRONIEK_LOG_LEVEL", "error")
    (tmp_path / "good.graphql").write_text(ASKED)
    (tmp_path / "wrong.graphql").write_text("{ nothing }")
    (tmp_path / "broken.graphql").write_text("{")
    (tmp_path / "marked.graphql").write_text(f"\ufeff{ASKED}")
    assert main(["documents", "add", str(tmp_path / "good.graphql"), "--organisation", "org-a"]) == 0
    assert capsys.readouterr().out.strip() == hash_of(ASKED)
    assert (tmp_path / "data" / "documents" / "org-a" / f"{hash_of(ASKED)}.graphql").read_text() == ASKED
    for wrong, code in (("wrong", 2), ("broken", 2), ("missing", 5), ("marked", 2)):
        assert main(["documents", "add", str(tmp_path / f"{wrong}.graphql")]) == code
    assert main(["documents", "add", str(tmp_path / "good.graphql"), "--organisation", "../x"]) == 2
    capsys.readouterr()
    assert main(["documents", "list", "--organisation", "org-a"]) == 0
    assert capsys.readouterr().out.strip() == hash_of(ASKED)
    assert main(["documents", "remove", hash_of(ASKED), "--organisation", "org-a"]) == 0
    assert list((tmp_path / "data" / "documents" / "org-a").iterdir()) == []


# --- Who may ask what -----------------------------------------------------------------------------------------------


def test_who_may_ask_ad_hoc_and_for_the_schema() -> None:
    callers = {role: Caller(subject="s", role=role, organisation_id="o") for role in EVERY_ROLE}
    overseers = {Role.ADMINISTRATOR, Role.AUDITOR}
    allowed = {it: {r for r, c in callers.items() if GraphPolicy(ad_hoc=it).may_ask_ad_hoc(c)} for it in AdHoc}
    assert allowed == {AdHoc.ALLOWED: set(EVERY_ROLE), AdHoc.SCOPE: overseers, AdHoc.REFUSED: set()}
    shown = {
        it: {r for r, c in callers.items() if GraphPolicy(introspection=it).may_introspect(c)} for it in Introspection
    }
    assert list(shown.values()) == [set(EVERY_ROLE), overseers, set()]
    scoped = Caller(subject="s", role=Role.AGENCY, organisation_id="o", scopes=frozenset({AD_HOC_SCOPE}))
    assert GraphPolicy(ad_hoc=AdHoc.SCOPE).may_ask_ad_hoc(scoped)
    assert not GraphPolicy(ad_hoc=AdHoc.REFUSED).may_ask_ad_hoc(scoped)


def test_to_whom_the_schema_is_not_told_no_error_tells_it(read_models_url: str) -> None:
    wrong = [
        "{ organisation { totalCoun } }",
        "{ organisations { totalCoun } }",
        "{ organisationz { totalCount } }",
        "{ organisations }",
        "{ organisations(frist: 1) { totalCount } }",
        "{ activeConsents(jurisdiction: BEE) { persons } }",
        "{ ... on Quer { __typename } }",
    ]
    with guarded(read_models_url, introspection=Introspection.OVERSEERS) as graph:
        for asked in (
            SCHEMA_ASKED,
            '{ __type(name: "Query") { name } }',
            "{ ...A } fragment A on Query { __schema { types { name } } }",
        ):
            refused = graph.asks(asked, role=Role.AGENCY)
            assert (refused.status, refused.codes) == (403, ["introspection-not-allowed"])
        assert graph.asks(SCHEMA_ASKED, role=Role.AUDITOR).data
        assert graph.asks("{ __typename }", role=Role.AGENCY).data == {"__typename": "Query"}
        hints = [str(graph.asks(query, role=Role.AUDITOR).body) for query in wrong]
        silent = [str(graph.asks(query, role=Role.AGENCY).body) for query in wrong]
    assert sum("Did you mean" in it for it in hints) >= 5
    assert not [it for it in silent if "Did you mean" in it]


# --- Budgets and time -----------------------------------------------------------------------------------------------


def test_an_organisation_has_a_budget_for_each_minute(read_models_url: str) -> None:
    now = [0.0]
    with guarded(read_models_url, budget=Buckets("cost", 60, lambda: now[0])) as graph:
        assert [send(graph, {"query": HELLO})[0] for _ in range(6)] == [200] * 5 + [429]
        graph.queries.clear()
        spent = graph.asks(HELLO, role=Role.AGENCY)
        assert (spent.codes, spent.headers["retry-after"], graph.queries) == (["cost-budget-spent"], "6", [])
        assert send(graph, {"query": HELLO}, organisation="org-b")[0] == 200
        now[0] = 6.0
        assert send(graph, {"query": HELLO})[0] == 200
        assert send(graph, {"query": "{ nothing }"})[1] == "graphql-invalid"
        assert send(graph, {"query": HELLO})[1] == "cost-budget-spent"


def test_the_limits_are_settings(read_models_url: str) -> None:
    with guarded(read_models_url, limits=Limits(depth=1, aliases=0, tokens=20, cost=10)) as graph:
        assert graph.asks(HELLO).codes == ["query-too-deep"]
        assert graph.asks("{ a: __typename }").codes == ["too-many-aliases"]
        assert graph.asks("{ " + "__typename " * 20 + "}").codes == ["too-many-tokens"]
        assert graph.asks("{ busCounts(by: [MONTH]) { __typename } }").codes == ["query-too-costly"]


@pytest.mark.parametrize("planned", [True, False])
def test_a_query_that_takes_too_long_is_broken_off(
    read_models_url: str, monkeypatch: pytest.MonkeyPatch, *, planned: bool
) -> None:
    slow = func.pg_sleep(5).is_not(None)
    monkeypatch.setattr(api.graph.queries.connections, "rows_seen", lambda *_: slow)
    monkeypatch.setattr(api.graph.planned.lists, "rows_seen", lambda *_: slow)
    with graph_over(read_models_url, GraphPolicy(planned=planned), statement_timeout_s=0.05) as graph:
        graph.have(organisations.Row.table, {"organisation_id": "org-a"})
        answer = graph.asks(HELLO)
    assert answer.codes == ["query-too-slow"]
    assert "pg_sleep" not in str(answer.body)
