"""Nobody sees what their organisation, role and session do not allow: every role on every read model.

What an agency has to see is said by the oracle in `tests/infrastructure/who_sees.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

import api.graph
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
    key_uses,
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
    sole_traders,
)
from projections.deadlines import deadline as deadlines
from projections.registry import PROJECTIONS
from tests.api.world import Answer
from tests.api.world.graph import NOW, Graph, graph_over, nodes
from tests.api.world.rows import AT, row
from tests.infrastructure.who_sees import HIDDEN_FROM, IN_A_SESSION, NEVER_TOLD, PUBLIC, Asker, EveryRow, sees

A, B = "org-a", "org-b"


def page(field: str, key: str) -> str:
    return f"{{ found: {field}(first: 100) {{ edges {{ node {{ key: {key} }} }} }} }}"


def steps(field: str, key: str) -> str:
    return f"{{ found: {field}(first: 100) {{ edges {{ node {{ timeline {{ key: {key} }} }} }} }} }}"


def groups(field: str, dimension: str, key: str) -> str:
    return f"{{ found: {field}(by: [{dimension}]) {{ key: {key} }} }}"


QUERIES: Mapping[Table, str] = {
    organisations.Row.table: page("organisations", "id"),
    enrolments.Row.table: page("enrolments", "organisationId"),
    services.Row.table: page("services", "id"),
    service_families.Row.table: page("serviceFamilies", "code"),
    people.Row.table: page("people", "id"),
    sole_traders.Row.table: page("soleTraders", "id"),
    keys.Row.table: page("keys", "id"),
    key_uses.Row.table: groups("keyUses", "KEY", "keyId"),
    authentications.Row.table: groups("authentications", "SERVICE", "serviceId"),
    service_use.Row.table: groups("serviceUse", "SERVICE", "serviceId"),
    mandates.Row.table: page("mandates", "mandateId"),
    consents.Row.table: page("consents", "consentId"),
    mailboxes.Row.table: page("mailboxes", "id"),
    messages.Row.table: page("messages", "id"),
    message_timeline.Row.table: steps("messages", "detail"),
    message_counts.Row.table: groups("messageCounts", "SENDER", "senderId"),
    open_rates.Row.table: groups("openRateCohorts", "SENDER_TYPE", "senderType"),
    bus_transactions.Row.table: page("busTransactions", "id"),
    bus_counts.Row.table: groups("busCounts", "SERVICE_FAMILY", "serviceFamily"),
    invoices.Row.table: page("invoices", "id"),
    invoice_timeline.Row.table: steps("invoices", "ruleSet"),
    invoice_counts.Row.table: groups("invoiceCounts", "BUYER", "buyerId"),
    daily_counts.Row.table: page("dailyCounts", "organisationId"),
    projection_acts.Row.table: page("projectionActs", "organisationId"),
    erasures.Row.table: page("erasures", "id"),
    legal_holds.Row.table: page("legalHolds", "holdId"),
    deadlines.Row.table: page("deadlines", "key"),
    accesses.Row.table: page("accesses", "accessId"),
    access_suppressions.Row.table: page("accessSuppressions", "id"),
}

LETTERS: Mapping[str, Mapping[str, Any]] = {
    "sent": {"sender_id": "{org}"},
    "sent-for": {"on_behalf_of": "{org}"},
    "received": {"mailbox_id": "{org}", "owner_kind": "enterprise", "provider_ids": ["org-c"]},
    "received-on-paper": {"mailbox_id": "{org}", "owner_kind": "enterprise", "published_at": None},
    "of-enterprise": {"mailbox_id": "enterprise-of-{org}", "owner_kind": "enterprise", "provider_ids": ["{org}"]},
    "delivered": {"mailbox_id": "person-of-{org}", "provider_ids": ["org-c", "{org}"]},
    "delivered-elsewhere": {"mailbox_id": "person-of-{org}", "provider_ids": ["org-c"]},
    "on-paper": {"mailbox_id": "person-of-{org}", "published_at": None},
    "of-former": {"mailbox_id": "former-of-{org}", "provider_ids": ["{org}"]},
}
INVOICES: Mapping[str, Mapping[str, Any]] = {
    "bought": {"buyer_id": "{org}"},
    "delivered": {"received_from": "{org}"},
    "supplied": {"supplier_number": "number-of-{org}"},
    "other": {"buyer_id": "org-c", "supplier_number": "number-of-c"},
}
MANDATES: Mapping[str, Mapping[str, Any]] = {
    "at-service": {"organisation_ids": ["org-c", "{org}"]},
    "at-fifth-service": {"organisation_ids": ["org-c", "org-d", "org-e", "org-f", "{org}"]},
    "given": {"mandator_id": "{org}", "organisation_ids": ["org-c"]},
    "held": {"mandatary_id": "{org}", "organisation_ids": ["org-c"]},
    "every-service": {"organisation_ids": []},
    "other-service": {"organisation_ids": ["org-c", "x{org}"]},
}


DEADLINES: Mapping[str, Mapping[str, Any]] = {
    "first": {"organisation_id": "{org}", "counterparty_id": "org-c"},
    "other-side": {"organisation_id": "org-c", "counterparty_id": "{org}"},
    "one-of-many": {"organisation_ids": ["org-c", "{org}"]},
    "supplied": {"organisation_id": "org-c", "supplier_number": "number-of-{org}"},
    "of-others": {"organisation_id": "org-c", "organisation_ids": ["org-d"]},
}


def filled(template: Mapping[str, Any], org: str) -> dict[str, Any]:
    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(it) for it in value]
        return value.format(org=org) if isinstance(value, str) else value

    return {name: fill(value) for name, value in template.items()}


def rows_of(org: str) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Every way in which an organisation can be a party to a row, and some in which it is none. Keys name it."""
    person, former, key_holder = f"person-of-{org}", f"former-of-{org}", f"holder-of-{org}"
    yield organisations.Row.table, {"organisation_id": org, "enterprise_number": f"number-of-{org}"}
    yield enrolments.Row.table, {"organisation_id": org, "enrolment_number": 1}
    yield services.Row.table, {"service_id": f"service-of-{org}", "organisation_id": org}
    yield service_families.Row.table, {"code": f"family-of-{org}"}
    for person_id in (person, key_holder, former):
        yield people.Row.table, {"person_id": person_id}
        yield erasures.Row.table, {"person_id": person_id}
        yield sole_traders.Row.table, {"organisation_id": person_id}
    yield keys.Row.table, {"key_id": f"key-of-{org}", "person_id": key_holder, "provider_id": org}
    yield key_uses.Row.table, {"key_id": f"key-of-{org}"}
    yield authentications.Row.table, {"service_id": f"service-of-{org}", "organisation_id": org}
    yield service_use.Row.table, {"service_id": f"service-of-{org}"}
    for name, template in MANDATES.items():
        yield mandates.Row.table, {"mandate_id": f"{org}.{name}", **filled(template, org)}
    yield consents.Row.table, {"consent_id": f"{org}.now", "person_id": person, "provider_id": org}
    gone = {"person_id": former, "provider_id": org, "status": "withdrawn", "withdrawn_at": AT}
    yield consents.Row.table, {"consent_id": f"{org}.past", **gone}
    yield mailboxes.Row.table, {"mailbox_id": org, "owner_kind": "enterprise"}
    yield mailboxes.Row.table, {"mailbox_id": f"enterprise-of-{org}", "owner_kind": "enterprise", "provider_id": org}
    yield mailboxes.Row.table, {"mailbox_id": person, "provider_id": "org-c"}
    yield mailboxes.Row.table, {"mailbox_id": former, "provider_id": org}
    for name, template in LETTERS.items():
        yield messages.Row.table, {"message_id": f"{org}.{name}", "sender_id": "org-c", **filled(template, org)}
        yield message_timeline.Row.table, {"message_id": f"{org}.{name}", "detail": f"{org}.{name}"}
    yield message_counts.Row.table, {"sender_id": org}
    yield bus_transactions.Row.table, {"transaction_id": f"{org}.asked", "source_id": org, "target_id": "org-c"}
    yield bus_transactions.Row.table, {"transaction_id": f"{org}.answered", "source_id": "org-c", "target_id": org}
    yield bus_counts.Row.table, {"service_family": f"family-of-{org}"}
    for name, template in INVOICES.items():
        yield invoices.Row.table, {"invoice_id": f"{org}.{name}", **filled(template, org)}
        yield invoice_timeline.Row.table, {"invoice_id": f"{org}.{name}", "rule_set": f"{org}.{name}"}
    yield invoice_counts.Row.table, {"buyer_id": org}
    yield daily_counts.Row.table, {"organisation_id": org}
    yield accesses.Row.table, {"access_id": f"look-of-{org}", "subject_id": person, "organisation_id": org}
    suppression = {"suppression_id": f"kept-of-{org}", "person_id": person, "organisation_id": org}
    # Over already: what is in force keeps accesses from the answer, and `test_access` is about that.
    yield access_suppressions.Row.table, {**suppression, "until": AT}
    for name, template in DEADLINES.items():
        yield deadlines.Row.table, {"key": f"{org}.{name}", **filled(template, org)}
    yield legal_holds.Row.table, {"person_id": person, "hold_id": f"hold-of-{org}"}
    yield projection_acts.Row.table, {"act_position": ord(org[-1]), "organisation_id": org}


KEYS: Mapping[Table, str] = {
    organisations.Row.table: "organisation_id",
    enrolments.Row.table: "organisation_id",
    services.Row.table: "service_id",
    service_families.Row.table: "code",
    people.Row.table: "person_id",
    sole_traders.Row.table: "organisation_id",
    keys.Row.table: "key_id",
    key_uses.Row.table: "key_id",
    authentications.Row.table: "service_id",
    service_use.Row.table: "service_id",
    mandates.Row.table: "mandate_id",
    consents.Row.table: "consent_id",
    mailboxes.Row.table: "mailbox_id",
    messages.Row.table: "message_id",
    message_timeline.Row.table: "detail",
    message_counts.Row.table: "sender_id",
    bus_transactions.Row.table: "transaction_id",
    bus_counts.Row.table: "service_family",
    invoices.Row.table: "invoice_id",
    invoice_timeline.Row.table: "rule_set",
    invoice_counts.Row.table: "buyer_id",
    daily_counts.Row.table: "organisation_id",
    projection_acts.Row.table: "organisation_id",
    erasures.Row.table: "person_id",
    legal_holds.Row.table: "hold_id",
    deadlines.Row.table: "key",
    accesses.Row.table: "access_id",
    access_suppressions.Row.table: "suppression_id",
}


COHORTS = ({"sender_type": "municipality"}, {"sender_type": "province"})


@pytest.fixture(scope="module")
def graph(module_read_models_url: str) -> Iterator[Graph]:
    with graph_over(module_read_models_url) as graph:
        for org in (A, B):
            for table, given in rows_of(org):
                graph.have(table, given)
            graph.consent(f"person-of-{org}", org)
        graph.have(open_rates.Row.table, *COHORTS)
        yield graph


def every_row() -> EveryRow:
    """Return all rows, whole, by the name of their read model."""
    given = [*rows_of(A), *rows_of(B), *((open_rates.Row.table, it) for it in COHORTS)]
    return {it.name: [row(table, **of) for table, of in given if table is it.table] for it in PROJECTIONS}


EVERY_ROW = every_row()
NAMES = {it.table: it.name for it in PROJECTIONS}


def keys_of(table: Table, asker: Asker) -> set[str]:
    """Return the keys of the rows that an asker has to be shown."""
    seen = [it for it in EVERY_ROW[NAMES[table]] if sees(asker, NAMES[table], it, EVERY_ROW)]
    if table is open_rates.Row.table:
        return {it["sender_type"].upper() for it in seen}
    return {it[KEYS[table]] for it in seen}


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


def test_every_read_model_is_asked_for() -> None:
    assert set(QUERIES) == set(NAMES)


def ask_as(graph: Graph, query: str, asker: Asker, session: str = "") -> Answer:
    headers = {"Session-Id": session} if session else {}
    return graph.asks(query, role=Role(asker.role), organisation=asker.organisation, headers=headers)


@pytest.mark.parametrize("table", QUERIES, ids=lambda it: it.name)
@pytest.mark.parametrize("role", sorted(set(Role) - {Role.AGENCY}))
def test_a_role_sees_everything_or_may_not_ask(graph: Graph, role: Role, table: Table) -> None:
    asker = Asker(role=role, organisation=A)
    answer = ask_as(graph, QUERIES[table], asker)
    if NAMES[table] in HIDDEN_FROM[role]:
        assert answer.codes == ["role-not-allowed"]
    else:
        assert found(answer.data) == keys_of(table, asker)
        assert len(found(answer.data)) > 1


@pytest.mark.parametrize("table", QUERIES, ids=lambda it: it.name)
@pytest.mark.parametrize(("own", "other"), [(A, B), (B, A)])
@pytest.mark.parametrize("present", ["", "person-of-{}", "former-of-{}", "holder-of-{}"])
def test_an_agency_sees_its_own_rows_and_those_of_the_person_there(
    graph: Graph, table: Table, own: str, other: str, present: str
) -> None:
    person = present.format(own)
    chose = present.startswith("person")
    asker = Asker(role="agency", organisation=own, number=f"number-of-{own}", person=person, chose=chose)
    session = graph.session(person, own) if person else ""
    answer = ask_as(graph, QUERIES[table], asker, session)
    if NAMES[table] in NEVER_TOLD:
        assert answer.codes == ["role-not-allowed"]
    elif NAMES[table] in IN_A_SESSION and not person:
        assert answer.codes == ["session-missing"]
    else:
        assert found(answer.data) == keys_of(table, asker)
        assert NAMES[table] in PUBLIC or not any(other in key for key in found(answer.data))


@pytest.mark.parametrize("table", QUERIES, ids=lambda it: it.name)
@pytest.mark.parametrize("organisation", ["", "org-unknown", "%", "_______", "org-a' OR true --", ",", "{org-a}"])
def test_an_agency_that_is_no_party_sees_nothing(graph: Graph, table: Table, organisation: str) -> None:
    if NAMES[table] not in PUBLIC | NEVER_TOLD | IN_A_SESSION:
        answer = graph.asks(QUERIES[table], role=Role.AGENCY, organisation=organisation)
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
    there = {it: {"Session-Id": graph.session(f"person-of-{it}", it)} for it in (A, B)}
    asked: dict[str, Any] = {"role": Role.AGENCY, "variables": {"id": theirs}}
    assert graph.asks(query, **asked, organisation=B, headers=there[B]).data == {field: {"id": theirs}}
    hidden = graph.asks(query, **asked, organisation=A, headers=there[A])
    absent = graph.asks(query, **asked | {"variables": {"id": "nobody"}}, organisation=A, headers=there[A])
    assert hidden.body == absent.body == {"data": {field: None}, "extensions": absent.body["extensions"]}


def test_totals_and_counts_are_of_the_callers_rows(graph: Graph) -> None:
    query = """{
      consents { totalCount totals(by: [PROVIDER]) { providerId consents persons } }
      activeConsents(jurisdiction: BE) { consents persons }
      busTransactions { totalCount totals(by: [FAMILY]) { transactions } }
      messages { totalCount }
      invoices { totalCount totals(by: []) { invoices payableCents } }
    }""".replace("FAMILY", "SERVICE_FAMILY")
    assert graph.asks(query, role=Role.AGENCY, organisation=A).data == {
        "consents": {"totalCount": 2, "totals": [{"providerId": A, "consents": 2, "persons": 2}]},
        "activeConsents": {"consents": 1, "persons": 1},
        "busTransactions": {"totalCount": 2, "totals": [{"transactions": 2}]},
        "messages": {"totalCount": 4},
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
        answer = graph.asks(query, variables={"service": service}, role=role, organisation=A)
        assert (answer.codes if expected else answer.data) == (expected or {"mayAct": {"allowed": False}})


# --- In a session ---------------------------------------------------------------------------------------------------

INBOX = """query Q($of: ID!) {
  inbox(mailboxId: $of) { totalCount edges { node { id subject { text } timeline { happening } } } }
}"""


def letters(graph: Graph, of: str, organisation: str, **headers: str) -> set[str]:
    """Return the letters in a mailbox that an agency is shown."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = graph.asks(INBOX, role=Role.AGENCY, organisation=organisation, variables={"of": of}, headers=named)
    shown = {it["id"] for it in nodes(answer.data["inbox"])}
    assert answer.data["inbox"]["totalCount"] == len(shown)
    assert all(it["timeline"] for it in nodes(answer.data["inbox"]))
    return shown


def test_a_provider_reads_a_persons_letters_while_the_person_is_there_and_not_standing(graph: Graph) -> None:
    session = graph.session(f"former-of-{A}", A)
    assert letters(graph, f"former-of-{A}", A) == set()
    assert letters(graph, f"former-of-{A}", A, session_id=session) == {f"{A}.of-former"}


def test_what_was_delivered_stays_readable_after_the_consent_is_withdrawn(graph: Graph) -> None:
    graph.have(messages.Row.table, {"message_id": "kept", "mailbox_id": "gone", "provider_ids": [A]})
    graph.have(message_timeline.Row.table, {"message_id": "kept"})
    graph.consent("gone", A, withdrawn=True)
    assert letters(graph, "gone", A, session_id=graph.session("gone", A)) == {"kept"}
    graph.consent("gone", B, withdrawn=True)
    assert letters(graph, "gone", B, session_id=graph.session("gone", B)) == set()


def test_a_provider_that_the_person_chose_since_reads_what_was_delivered_elsewhere(graph: Graph) -> None:
    for name, delivered in (("elsewhere", ["org-c"]), ("paper", [])):
        given = {"message_id": f"moved-{name}", "mailbox_id": "mover", "provider_ids": delivered}
        graph.have(messages.Row.table, given)
        graph.have(message_timeline.Row.table, {"message_id": f"moved-{name}"})
    assert letters(graph, "mover", A, session_id=graph.session("mover", A)) == set()
    graph.consent("mover", A)
    assert letters(graph, "mover", A, session_id=graph.session("mover", A)) == {"moved-elsewhere"}
    assert letters(graph, "mover", A) == set()


def test_an_agency_that_delivers_no_post_reads_no_letters_of_who_is_there(graph: Graph) -> None:
    assert letters(graph, f"person-of-{A}", B, session_id=graph.session(f"person-of-{A}", B)) == set()


def test_a_mandatary_sees_what_the_mandator_would(graph: Graph) -> None:
    former = f"former-of-{A}"
    mandate = graph.mandate(former, "helper", ("portal", A))
    session = graph.session("helper", A, "portal")
    assert letters(graph, former, A, session_id=session) == set()
    assert letters(graph, former, A, session_id=session, mandate_id=mandate) == {f"{A}.of-former"}
    person = f'{{ person(id: "{former}") {{ id }} }}'
    headers = {"Session-Id": session, "Mandate-Id": mandate}
    assert graph.asks(person, role=Role.AGENCY, organisation=A, headers=headers).data == {"person": {"id": former}}
    own = '{ person(id: "helper") { id } }'
    assert graph.asks(own, role=Role.AGENCY, organisation=A, headers=headers).data == {"person": None}


@pytest.mark.parametrize(
    "wrong", ["nobody's", "over", "other service", "other organisation", "unknown", "a b", "other's"]
)
def test_a_mandate_that_is_not_in_force_there_shows_nobody(graph: Graph, wrong: str) -> None:
    former = f"former-of-{A}"
    mandate = {
        "nobody's": lambda: graph.mandate(former, "somebody", ("portal", A)),
        "over": lambda: graph.mandate(former, "helper", ("portal", A), until=NOW - timedelta(days=2)),
        "other service": lambda: graph.mandate(former, "helper", ("tax", A)),
        "other organisation": lambda: graph.mandate(former, "helper", ("portal", B)),
        "other's": lambda: graph.mandate("somebody", former, ("portal", A)),
    }.get(wrong, lambda: wrong)()
    headers = {"Session-Id": graph.session("helper", A, "portal"), "Mandate-Id": mandate}
    assert graph.asks(QUERIES[people.Row.table], role=Role.AGENCY, organisation=A, headers=headers).codes == [
        "not-the-person"
    ]


def test_a_legal_representative_sees_what_the_represented_person_would(graph: Graph) -> None:
    former = f"former-of-{A}"
    headers = {"Session-Id": graph.session("parent", A), "Mandate-Id": graph.mandate(former, "parent")}
    answer = graph.asks(QUERIES[people.Row.table], role=Role.AGENCY, organisation=A, headers=headers)
    assert found(answer.data) == {former}


@pytest.mark.parametrize("session", ["", "elsewhere", "nowhere", "a b"])
def test_a_session_that_is_not_open_at_the_caller_shows_nobody(graph: Graph, session: str) -> None:
    named = graph.session(f"person-of-{A}", B) if session == "elsewhere" else session
    answer = graph.asks(QUERIES[people.Row.table], role=Role.AGENCY, organisation=A, headers={"Session-Id": named})
    assert answer.codes == (["no-session-at-caller"] if session else ["session-missing"])


def test_other_roles_need_no_session_and_are_not_asked_for_one(graph: Graph) -> None:
    answer = graph.asks(QUERIES[people.Row.table], role=Role.AUDITOR, headers={"Session-Id": "nowhere"})
    assert len(found(answer.data)) > 1


# --- Where queries are made -----------------------------------------------------------------------------------------


def test_queries_are_made_in_few_places() -> None:
    """Whatever is asked of the database goes through one of them, and is limited there to what the caller sees."""
    folder = Path(next(iter(api.graph.__path__)))
    importers = {
        path.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module == "sqlalchemy"
        and {"select", "text", "union", "union_all"} & {name.name for name in node.names}
    }
    planned = {"roots.py", "lists.py", "row_text.py"}
    assert importers == {"query_context.py", "connections.py", "groups.py", "disclosed_persons.py"} | planned
