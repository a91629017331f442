"""Nobody sees what their organisation and role do not allow: every role on every read model, with two organisations."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

import api.graph
from api.graph.queries.visibility import VISIBLE, everything, nothing, only_in_a_session
from application.ports import Role
from projections import (
    access_suppressions,
    accesses,
    authentications,
    bus_counts,
    bus_transactions,
    consents,
    daily_counts,
    enrolments,
    erasures,
    invoice_counts,
    invoice_timeline,
    invoices,
    keys,
    legal_holds,
    mailboxes,
    mandates,
    message_counts,
    message_timeline,
    messages,
    open_rates,
    organisations,
    people,
    projection_acts,
    service_families,
    service_use,
    services,
)
from projections.registry import PROJECTIONS
from tests.api.graph_world import AT, Graph, graph_over

A, B = "org-a", "org-b"


def page(field: str, key: str) -> str:
    return f"{{ found: {field}(first: 100) {{ edges {{ node {{ key: {key} }} }} }} }}"


def steps(field: str, key: str) -> str:
    return f"{{ found: {field}(first: 100) {{ edges {{ node {{ timeline {{ key: {key} }} }} }} }} }}"


def groups(field: str, dimension: str, key: str) -> str:
    return f"{{ found: {field}(by: [{dimension}]) {{ key: {key} }} }}"


QUERIES: Mapping[Table, str] = {
    organisations.TABLE: page("organisations", "id"),
    enrolments.TABLE: page("enrolments", "organisationId"),
    services.TABLE: page("services", "id"),
    service_families.TABLE: page("serviceFamilies", "code"),
    people.TABLE: page("people", "id"),
    keys.TABLE: page("keys", "id"),
    authentications.TABLE: groups("authentications", "SERVICE", "serviceId"),
    service_use.TABLE: groups("serviceUse", "SERVICE", "serviceId"),
    mandates.TABLE: page("mandates", "mandateId"),
    consents.TABLE: page("consents", "consentId"),
    mailboxes.TABLE: page("mailboxes", "id"),
    messages.TABLE: page("messages", "id"),
    message_timeline.TABLE: steps("messages", "detail"),
    message_counts.TABLE: groups("messageCounts", "SENDER", "senderId"),
    open_rates.TABLE: groups("openRateCohorts", "SENDER_TYPE", "senderType"),
    bus_transactions.TABLE: page("busTransactions", "id"),
    bus_counts.TABLE: groups("busCounts", "SERVICE_FAMILY", "serviceFamily"),
    invoices.TABLE: page("invoices", "id"),
    invoice_timeline.TABLE: steps("invoices", "ruleSet"),
    invoice_counts.TABLE: groups("invoiceCounts", "BUYER", "buyerId"),
    daily_counts.TABLE: page("dailyCounts", "organisationId"),
    projection_acts.TABLE: page("projectionActs", "organisationId"),
    erasures.TABLE: page("erasures", "id"),
    legal_holds.TABLE: page("legalHolds", "holdId"),
    accesses.TABLE: page("accesses", "accessId"),
    access_suppressions.TABLE: page("accessSuppressions", "id"),
}

LETTERS: Mapping[str, Mapping[str, Any]] = {
    "sent": {"sender_id": "{org}"},
    "sent-for": {"on_behalf_of": "{org}"},
    "received": {"mailbox_id": "{org}"},
    "consented": {"mailbox_id": "person-of-{org}"},
    "enterprise": {"mailbox_id": "enterprise-of-{org}"},
    "before-consent.hidden": {"mailbox_id": "person-of-{org}", "published_at": None},
    "consent-withdrawn.hidden": {"mailbox_id": "former-of-{org}.hidden"},
}
INVOICES: Mapping[str, Mapping[str, Any]] = {
    "bought": {"buyer_id": "{org}"},
    "delivered": {"received_from": "{org}"},
    "supplied": {"supplier_number": "number-of-{org}"},
    "other.hidden": {"buyer_id": "org-c", "supplier_number": "number-of-c"},
}
MANDATES: Mapping[str, Mapping[str, Any]] = {
    "at-service": {"organisation_ids": ["org-c", "{org}"]},
    "given": {"mandator_id": "{org}", "organisation_ids": ["org-c"]},
    "held": {"mandatary_id": "{org}", "organisation_ids": ["org-c"]},
    "every-service.hidden": {"organisation_ids": []},
    "other-service.hidden": {"organisation_ids": ["org-c", "x{org}"]},
}


def filled(template: Mapping[str, Any], org: str) -> dict[str, Any]:
    return {
        name: [it.format(org=org) for it in value]
        if isinstance(value, list)
        else value.format(org=org)
        if isinstance(value, str)
        else value
        for name, value in template.items()
    }


def rows_of(org: str) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Every way in which an organisation can be a party to a row. Keys name it; `hidden` marks what it may not see."""
    person, former, key_holder = f"person-of-{org}", f"former-of-{org}.hidden", f"holder-of-{org}"
    yield organisations.TABLE, {"organisation_id": org, "enterprise_number": f"number-of-{org}"}
    yield enrolments.TABLE, {"organisation_id": org, "enrolment_number": 1}
    yield services.TABLE, {"service_id": f"service-of-{org}", "organisation_id": org}
    yield service_families.TABLE, {"code": f"family-of-{org}"}
    for person_id in (person, key_holder, former):
        yield people.TABLE, {"person_id": person_id}
        yield erasures.TABLE, {"person_id": person_id}
    yield keys.TABLE, {"key_id": f"key-of-{org}", "person_id": key_holder, "provider_id": org}
    yield authentications.TABLE, {"service_id": f"service-of-{org}"}
    yield service_use.TABLE, {"service_id": f"service-of-{org}"}
    for name, template in MANDATES.items():
        yield mandates.TABLE, {"mandate_id": f"{org}.{name}", **filled(template, org)}
    yield consents.TABLE, {"consent_id": f"{org}.now", "person_id": person, "provider_id": org}
    gone = {"person_id": former, "provider_id": org, "status": "withdrawn", "withdrawn_at": AT}
    yield consents.TABLE, {"consent_id": f"{org}.past", **gone}
    yield mailboxes.TABLE, {"mailbox_id": org, "owner_kind": "enterprise"}
    yield mailboxes.TABLE, {"mailbox_id": f"enterprise-of-{org}", "owner_kind": "enterprise", "provider_id": org}
    yield mailboxes.TABLE, {"mailbox_id": person, "provider_id": "org-c"}
    yield mailboxes.TABLE, {"mailbox_id": former, "provider_id": org}
    for name, template in LETTERS.items():
        yield messages.TABLE, {"message_id": f"{org}.{name}", "sender_id": "org-c", **filled(template, org)}
        yield message_timeline.TABLE, {"message_id": f"{org}.{name}", "detail": f"{org}.{name}"}
    yield message_counts.TABLE, {"sender_id": org}
    yield bus_transactions.TABLE, {"transaction_id": f"{org}.asked", "source_id": org, "target_id": "org-c"}
    yield bus_transactions.TABLE, {"transaction_id": f"{org}.answered", "source_id": "org-c", "target_id": org}
    yield bus_counts.TABLE, {"service_family": f"family-of-{org}"}
    for name, template in INVOICES.items():
        party = filled(template, org)
        yield invoices.TABLE, {"invoice_id": f"{org}.{name}", **party}
        yield invoice_timeline.TABLE, {"invoice_id": f"{org}.{name}", "rule_set": f"{org}.{name}", **party}
    yield invoice_counts.TABLE, {"buyer_id": org}
    yield daily_counts.TABLE, {"organisation_id": org}
    yield accesses.TABLE, {"access_id": f"look-of-{org}", "subject_id": person, "organisation_id": org}
    yield access_suppressions.TABLE, {"suppression_id": f"kept-of-{org}", "person_id": person, "organisation_id": org}
    yield legal_holds.TABLE, {"person_id": person, "hold_id": f"hold-of-{org}"}
    yield projection_acts.TABLE, {"act_position": ord(org[-1]), "organisation_id": org}


KEYS: Mapping[Table, str] = {
    organisations.TABLE: "organisation_id",
    enrolments.TABLE: "organisation_id",
    services.TABLE: "service_id",
    service_families.TABLE: "code",
    people.TABLE: "person_id",
    keys.TABLE: "key_id",
    authentications.TABLE: "service_id",
    service_use.TABLE: "service_id",
    mandates.TABLE: "mandate_id",
    consents.TABLE: "consent_id",
    mailboxes.TABLE: "mailbox_id",
    messages.TABLE: "message_id",
    message_timeline.TABLE: "detail",
    message_counts.TABLE: "sender_id",
    bus_transactions.TABLE: "transaction_id",
    bus_counts.TABLE: "service_family",
    invoices.TABLE: "invoice_id",
    invoice_timeline.TABLE: "rule_set",
    invoice_counts.TABLE: "buyer_id",
    daily_counts.TABLE: "organisation_id",
    projection_acts.TABLE: "organisation_id",
    erasures.TABLE: "person_id",
    legal_holds.TABLE: "hold_id",
    accesses.TABLE: "access_id",
    access_suppressions.TABLE: "suppression_id",
}


@pytest.fixture(scope="module")
def graph(module_database_url: str) -> Iterator[Graph]:
    with graph_over(module_database_url) as graph:
        for org in (A, B):
            for table, row in rows_of(org):
                graph.have(table, row)
        graph.have(open_rates.TABLE, {"sender_type": "municipality"}, {"sender_type": "province"})
        yield graph


def keys_of(table: Table, *organisations: str, hidden: bool) -> set[str]:
    if table is open_rates.TABLE:
        return {"MUNICIPALITY", "PROVINCE"}
    keys = {row[KEYS[table]] for org in organisations for at, row in rows_of(org) if at is table}
    return {key for key in keys if hidden or not key.endswith(".hidden")}


def found(answer: Any) -> set[str]:
    def read(value: Any) -> Iterable[str]:
        match value:
            case {"key": str(key)}:
                yield key
            case dict():
                for inner in value.values():
                    yield from read(inner)
            case list():
                for inner in value:
                    yield from read(inner)

    return set(read(answer["found"]))


EVERY = [(role, table) for role, tables in VISIBLE.items() for table in tables]


def test_every_role_and_every_read_model_stand_in_the_table() -> None:
    every = {projection.table for projection in PROJECTIONS}
    assert set(VISIBLE) == set(Role)
    assert [role for role, tables in VISIBLE.items() if set(tables) != every] == []
    assert set(QUERIES) == every


@pytest.mark.parametrize(("role", "table"), EVERY, ids=lambda it: it.value if isinstance(it, Role) else it.name)
@pytest.mark.parametrize(("own", "other"), [(A, B), (B, A)])
def test_a_role_sees_what_the_table_says(graph: Graph, role: Role, table: Table, own: str, other: str) -> None:
    answer = graph.ask(QUERIES[table], role=role, organisation=own)
    rule = VISIBLE[role][table]
    if rule is nothing:
        assert answer.codes == ["role-not-allowed"]
    elif rule is only_in_a_session:
        assert answer.codes == ["session-missing"]
    elif rule is everything:
        assert found(answer.data) == keys_of(table, own, other, hidden=True)
    else:
        assert found(answer.data) == keys_of(table, own, hidden=False)


@pytest.mark.parametrize("table", VISIBLE[Role.AGENCY], ids=lambda it: it.name)
@pytest.mark.parametrize("organisation", ["", "org-unknown", "%", "_______", "org-a' OR true --", ","])
def test_an_agency_that_is_no_party_sees_nothing(graph: Graph, table: Table, organisation: str) -> None:
    if VISIBLE[Role.AGENCY][table] not in {everything, nothing, only_in_a_session}:
        answer = graph.ask(QUERIES[table], role=Role.AGENCY, organisation=organisation)
        assert found(answer.data) == set()


@pytest.mark.parametrize("field", ["person", "key", "mailbox", "message", "busTransaction", "invoice"])
def test_a_row_of_another_organisation_is_as_one_that_does_not_exist(graph: Graph, field: str) -> None:
    theirs = {
        "person": f"person-of-{B}",
        "key": f"key-of-{B}",
        "mailbox": f"person-of-{B}",
        "message": f"{B}.sent",
        "busTransaction": f"{B}.asked",
        "invoice": f"{B}.bought",
    }[field]
    query = f"query Q($id: ID!) {{ {field}(id: $id) {{ id }} }}"
    assert graph.ask(query, variables={"id": theirs}, role=Role.AGENCY, organisation=B).data == {field: {"id": theirs}}
    hidden = graph.ask(query, variables={"id": theirs}, role=Role.AGENCY, organisation=A)
    absent = graph.ask(query, variables={"id": "nobody"}, role=Role.AGENCY, organisation=A)
    assert hidden.body == absent.body == {"data": {field: None}, "extensions": absent.body["extensions"]}


def test_totals_and_counts_are_of_the_callers_rows(graph: Graph) -> None:
    query = """{
      consents { totalCount totals(by: [PROVIDER]) { providerId consents persons } }
      activeConsents(jurisdiction: BE) { consents persons }
      busTransactions { totalCount totals(by: [FAMILY]) { transactions } }
      messages { totalCount }
      invoices { totalCount totals(by: []) { invoices payableCents } }
    }""".replace("FAMILY", "SERVICE_FAMILY")
    assert graph.ask(query, role=Role.AGENCY, organisation=A).data == {
        "consents": {"totalCount": 2, "totals": [{"providerId": A, "consents": 2, "persons": 2}]},
        "activeConsents": {"consents": 1, "persons": 1},
        "busTransactions": {"totalCount": 2, "totals": [{"transactions": 2}]},
        "messages": {"totalCount": 5},
        "invoices": {"totalCount": 3, "totals": [{"invoices": 3, "payableCents": 300}]},
    }


def test_who_may_act_is_for_the_services_own_organisation_to_ask(graph: Graph) -> None:
    query = """query May($service: ID!) {
      mayAct(mandataryId: "p", mandatorId: "q", serviceId: $service) { allowed }
    }"""
    for role, service, expected in (
        (Role.AGENCY, f"service-of-{A}", None),
        (Role.AUDITOR, f"service-of-{B}", None),
        (Role.AGENCY, f"service-of-{B}", ["not-your-service"]),
        (Role.AGENCY, "nowhere", ["service-not-found"]),
    ):
        answer = graph.ask(query, variables={"service": service}, role=role, organisation=A)
        assert (answer.codes if expected else answer.data) == (expected or {"mayAct": {"allowed": False}})


def test_only_the_visibility_table_and_its_two_readers_build_queries() -> None:
    """Whatever else is asked of the database goes through `seen`, `visible` or a connection."""
    folder = Path(next(iter(api.graph.__path__)))
    importers = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module == "sqlalchemy"
        and {"select", "text", "union"} & {name.name for name in node.names}
    }
    assert importers == {"visibility.py", "asking.py", "connections.py"}
