"""What each part of the graph says of the rows that it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type
from sqlalchemy import Table

from api.graph.protocol.schema import SCHEMA
from api.web.door_bounds import BOUNDS, Bounds
from application.ports import Role
from projections import (
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
)
from projections.deadlines import deadline as deadlines
from tests.api.world.graph import ERASED, NOW, POSITION, Graph, graph_over, nodes
from tests.api.world.rows import AT

# --- Every column -----------------------------------------------------------------------------------------------

TYPES: dict[str, Table] = {
    "Organisation": organisations.Row.table,
    "Enrolment": enrolments.Row.table,
    "Service": services.Row.table,
    "ServiceFamily": service_families.Row.table,
    "Person": people.Row.table,
    "Key": keys.Row.table,
    "AuthenticationCount": authentications.Row.table,
    "ServiceUse": service_use.Row.table,
    "KeyUse": key_uses.Row.table,
    "Mandate": mandates.Row.table,
    "Consent": consents.Row.table,
    "Mailbox": mailboxes.Row.table,
    "Message": messages.Row.table,
    "MessageStep": message_timeline.Row.table,
    "MessageCount": message_counts.Row.table,
    "OpenRateCohort": open_rates.Row.table,
    "BusTransaction": bus_transactions.Row.table,
    "BusCount": bus_counts.Row.table,
    "Invoice": invoices.Row.table,
    "InvoiceStep": invoice_timeline.Row.table,
    "InvoiceCount": invoice_counts.Row.table,
    "DailyCount": daily_counts.Row.table,
    "ProjectionAct": projection_acts.Row.table,
    "Erasure": erasures.Row.table,
    "LegalHold": legal_holds.Row.table,
    "Deadline": deadlines.Row.table,
}
OTHERWISE = {
    "on_behalf_of": "onBehalfOfId",
    "in_reply_to": "inReplyToId",
    "received_from": "receivedFromId",
    "opened_3_weeks": "opened3Weeks",
    "opened_6_weeks": "opened6Weeks",
}
LEFT_OUT = {
    "Deadline": {"person_id"},
    # The parent says it; or it only serves to find rows.
    "Enrolment": {"level", "outside_government", "enrolment"},
    "Mandate": {"organisation_ids", "represented_id"},
    "AuthenticationCount": {"organisation_id"},
    "Mailbox": {"enterprise_provider_id"},
    "Message": {"enterprise_id", "enterprise_provider_id", "provider_ids"},
    "MessageStep": {"message_id"},
    # As lists of purposes.
    "Erasure": {"identification", "correspondence", "invoicing", "held_groups"},
    "InvoiceStep": {"invoice_id"},
}


ONE_KEY = {"Organisation", "Service", "Person", "Key", "Mailbox", "Message", "BusTransaction", "Invoice", "Erasure"}
"""Types whose row has one key, which is their `id`."""


def camel(name: str, of: str) -> str:
    if of in ONE_KEY and name == next(iter(TYPES[of].primary_key)).name:
        return "id"
    return OTHERWISE.get(name) or re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def graph_type(name: str) -> Any:
    found: GraphQLNamedType | None = SCHEMA._schema.type_map[name]  # noqa: SLF001 - there is no public way to it
    assert isinstance(found, GraphQLObjectType)
    return found


@pytest.mark.parametrize(("name", "table"), TYPES.items())
def test_every_column_of_a_read_model_can_be_asked_for(name: str, table: Table) -> None:
    wanted = {column.name for column in table.columns} - LEFT_OUT.get(name, set())
    assert {camel(it, name) for it in wanted} <= set(graph_type(name).fields)


def leaves(name: str) -> str:
    fields = graph_type(name).fields.items()
    return " ".join(key for key, it in fields if is_leaf_type(get_named_type(it.type)) and not it.args)


@pytest.mark.parametrize(
    ("field", "name", "row"),
    [
        ("organisations", "Organisation", {"organisation_id": "o"}),
        ("enrolments", "Enrolment", {"organisation_id": "o", "enrolment_number": 1}),
        ("services", "Service", {"service_id": "s", "organisation_id": "o"}),
        ("serviceFamilies", "ServiceFamily", {"code": "person"}),
        ("people", "Person", {"person_id": "p"}),
        ("keys", "Key", {"key_id": "k", "person_id": "p", "provider_id": "o"}),
        ("mandates", "Mandate", {"mandate_id": "m", "service_ids": ["s", "t"]}),
        ("consents", "Consent", {"consent_id": "c", "person_id": "p", "provider_id": "o"}),
        ("mailboxes", "Mailbox", {"mailbox_id": "p", "provider_id": "o"}),
        ("messages", "Message", {"message_id": "m", "mailbox_id": "p", "sender_id": "o"}),
        ("busTransactions", "BusTransaction", {"transaction_id": "t", "source_id": "o", "target_id": "q"}),
        ("invoices", "Invoice", {"invoice_id": "i", "buyer_id": "o", "received_from": "o"}),
        ("dailyCounts", "DailyCount", {"organisation_id": "o", "events": 3_000_000_000}),
        ("projectionActs", "ProjectionAct", {"act_position": 3_000_000_000, "organisation_id": "o"}),
    ],
)
def test_a_row_is_answered_as_it_stands(graph: Graph, field: str, name: str, row: dict[str, Any]) -> None:
    graph.have(TYPES[name], row)
    (node,) = nodes(graph.asks(f"{{ {field} {{ edges {{ node {{ {leaves(name)} }} }} }} }}").data[field])
    for column, value in row.items():
        assert node[camel(column, name)] == value
    assert "" not in node.values()


def test_lists_with_pages_stand_at_the_root_only() -> None:
    """One within another would cost a query for each parent; nested lists are read for all parents at once."""
    pages = {
        f"{name}.{field}"
        for name, it in SCHEMA._schema.type_map.items()  # noqa: SLF001 - there is no public way to it
        if isinstance(it, GraphQLObjectType) and name != "Query"
        for field, its in it.fields.items()
        if get_named_type(its.type).name.endswith("Connection")
    }
    assert pages == set()


# --- Nested ---------------------------------------------------------------------------------------------------------


def test_a_timeline_is_in_its_order(graph: Graph) -> None:
    graph.have(messages.Row.table, {"message_id": "m"}, {"message_id": "n", "sent_at": AT - timedelta(days=1)})
    steps = ["sent", "published", "notified", "opened"]
    for message in ("n", "m"):
        rows = [{"message_id": message, "version": at, "happening": it} for at, it in enumerate(steps, 1)]
        graph.have(message_timeline.Row.table, *reversed(rows))
    found = nodes(graph.asks("{ messages { edges { node { id timeline { happening } } } } }").data["messages"])
    assert [node["id"] for node in found] == ["m", "n"]
    assert [[step["happening"] for step in node["timeline"]] for node in found] == [steps, steps]


def test_a_field_that_fails_does_not_end_what_others_wait_for(graph: Graph) -> None:
    """Both messages have one sender, whose services are read for both at once, while the first is given up."""
    graph.have(organisations.Row.table, {"organisation_id": "o"})
    for message, happening in (("m", ""), ("n", "sent")):
        graph.have(messages.Row.table, {"message_id": message, "sender_id": "o"})
        graph.have(message_timeline.Row.table, {"message_id": message, "happening": happening})
    node = "timeline { happening } sender { services { id } }"
    answer = graph.asks(f'{{ m: message(id: "m") {{ {node} }} n: message(id: "n") {{ {node} }} }}')
    assert answer.codes == ["internal-error"]
    assert answer.body["data"] == {"m": None, "n": {"timeline": [{"happening": "sent"}], "sender": {"services": []}}}


def test_a_supplier_sees_the_timeline_of_its_invoice(graph: Graph) -> None:
    graph.have(organisations.Row.table, {"organisation_id": "supplier", "enterprise_number": "0403170701"})
    party = {"buyer_id": "buyer", "supplier_number": "0403170701"}
    graph.have(invoices.Row.table, {"invoice_id": "i", **party, "response_state": "UQ"})
    said = {"step": "response", "response_state": "UQ", "clarifications": ["REF", "PRI"]}
    graph.have(
        invoice_timeline.Row.table, {"invoice_id": "i", **party}, {"invoice_id": "i", "version": 2, **party, **said}
    )
    query = """{ invoice(id: "i") {
      responseState timeline { version step responseState clarifications ruleIds }
    } }"""
    assert graph.asks(query, role=Role.AGENCY, organisation="supplier").data["invoice"] == {
        "responseState": "UNDER_QUERY",
        "timeline": [
            {"version": 1, "step": "RECEIVED", "responseState": None, "clarifications": [], "ruleIds": []},
            {
                "version": 2,
                "step": "RESPONSE",
                "responseState": "UNDER_QUERY",
                "clarifications": ["REF", "PRI"],
                "ruleIds": [],
            },
        ],
    }
    assert graph.asks(query, role=Role.AGENCY, organisation="another").data == {"invoice": None}


def test_a_name_is_told_in_the_language_asked_for_or_the_first_known(graph: Graph) -> None:
    graph.have(organisations.Row.table, {"organisation_id": "o", "name_nl": "Stad Gent", "name_fr": "Ville de Gand"})
    answer = graph.asks('{ organisation(id: "o") { a: name(language: FR) b: name(language: EN) nameEn } }')
    assert answer.data["organisation"] == {"a": "Ville de Gand", "b": "Stad Gent", "nameEn": None}


@pytest.fixture
def bounded(read_models_url: str) -> Iterator[Graph]:
    with graph_over(read_models_url, bounds=Bounds(children=3, groups=2)) as graph:
        yield graph


def test_a_parent_shows_a_bounded_number_of_children(bounded: Graph) -> None:
    graph = bounded
    graph.have(organisations.Row.table, {"organisation_id": "o"})
    graph.have(services.Row.table, *({"service_id": f"s{at}", "organisation_id": "o"} for at in range(5)))
    found = graph.asks('{ organisation(id: "o") { services { id } } }').data["organisation"]
    assert [it["id"] for it in found["services"]] == ["s0", "s1", "s2"]


# --- Consents and mandates ------------------------------------------------------------------------------------------


def test_active_consents_are_counted_as_of_any_instant(graph: Graph) -> None:
    graph.have(
        consents.Row.table,
        {"consent_id": "p.a", "person_id": "p", "granted_at": AT, "withdrawn_at": AT + timedelta(days=10)},
        {"consent_id": "p.b", "person_id": "p", "granted_at": AT + timedelta(days=1)},
        {"consent_id": "q.a", "person_id": "q", "granted_at": AT + timedelta(days=2), "jurisdiction": "nl"},
    )
    query = "query Q($at: DateTime) { activeConsents(jurisdiction: BE, asOf: $at) { asOf consents persons } }"
    on_day_five = graph.asks(query, variables={"at": "2022-03-06T10:30:00+01:00"}).data["activeConsents"]
    assert on_day_five == {"asOf": "2022-03-06T09:30:00Z", "consents": 2, "persons": 1}
    now = {"asOf": "2022-06-01T12:00:00Z", "consents": 1, "persons": 1}
    assert graph.asks(query).data["activeConsents"] == now


MAY_ACT = """query May($at: DateTime, $service: ID!) {
  mayAct(mandataryId: "a", mandatorId: "b", serviceId: $service, at: $at) { at allowed mandates { mandateId period } }
}"""


def may_act(graph: Graph, at: datetime, service: str = "s") -> Any:
    return graph.asks(MAY_ACT, variables={"at": at.isoformat(), "service": service}).data["mayAct"]["allowed"]


def test_who_may_act_is_answered_for_the_past(graph: Graph) -> None:
    graph.have(services.Row.table, {"service_id": "s"}, {"service_id": "t"})
    parties = {"mandate_id": "m", "mandatary_id": "a", "mandator_id": "b", "service_ids": ["s"]}
    graph.have(
        mandates.Row.table,
        {**parties, "latest": False, "status": "suspended", "suspended_at": AT + timedelta(days=10)},
        {**parties, "period": 2, "active_at": AT + timedelta(days=20), "ended_at": AT + timedelta(days=30)},
    )
    days = [-1, 0, 9, 10, 19, 20, 29, 30, 400]
    assert [may_act(graph, AT + timedelta(days=day)) for day in days] == [day in {0, 9, 20, 29} for day in days]
    assert not may_act(graph, AT, "t")
    history = graph.asks('{ mandateHistory(mandateId: "m") { period serviceIds } mandates { totalCount } }').data
    assert history == {
        "mandateHistory": [{"period": 1, "serviceIds": ["s"]}, {"period": 2, "serviceIds": ["s"]}],
        "mandates": {"totalCount": 1},
    }


def test_a_legal_representation_of_every_service_lets_its_mandatary_act(graph: Graph) -> None:
    graph.have(services.Row.table, {"service_id": "s", "organisation_id": "org-a"})
    graph.have(
        mandates.Row.table, {"mandate_id": "m", "kind": "legal_representation", "mandatary_id": "a", "mandator_id": "b"}
    )
    variables = {"at": AT.isoformat(), "service": "s"}
    answer = graph.asks(MAY_ACT, variables=variables, role=Role.AGENCY, organisation="org-a")
    assert answer.data["mayAct"] == {
        "at": "2022-03-01T09:30:00Z",
        "allowed": True,
        "mandates": [{"mandateId": "m", "period": 1}],
    }


def test_who_may_act_names_both_parties(graph: Graph) -> None:
    graph.have(services.Row.table, {"service_id": "s"})
    query = '{ mayAct(mandataryId: "", mandatorId: "b", serviceId: "s") { allowed } }'
    assert graph.asks(query).codes == ["party-missing"]


# --- Messages -------------------------------------------------------------------------------------------------------


def test_an_inbox_holds_what_was_published_there(graph: Graph) -> None:
    graph.have(mailboxes.Row.table, {"mailbox_id": "p"}, {"mailbox_id": "q"})
    graph.have(
        messages.Row.table,
        {"message_id": "old", "mailbox_id": "p", "sent_at": AT - timedelta(days=1)},
        {"message_id": "new", "mailbox_id": "p"},
        {"message_id": "paper", "mailbox_id": "p", "published_at": None, "status": "on_paper", "channel": "paper"},
        {"message_id": "other", "mailbox_id": "q"},
    )
    query = '{ inbox(mailboxId: "p") { totalCount edges { node { id } } } }'
    inbox = graph.asks(query).data["inbox"]
    assert ([it["id"] for it in nodes(inbox)], inbox["totalCount"]) == (["new", "old"], 2)


def test_missed_letters_are_unread_and_without_notification(graph: Graph) -> None:
    missed = {"notification": "impossible", "notification_code": "no_verified_address"}
    graph.have(
        messages.Row.table,
        {"message_id": "later", **missed},
        {"message_id": "first", "notification": "failed", "published_at": AT - timedelta(days=3)},
        {"message_id": "opened", **missed, "status": "opened"},
        {"message_id": "notified", "notification": "notified"},
        {"message_id": "dutch", **missed, "jurisdiction": "nl"},
    )
    query = "{ missedLetters(where: { jurisdiction: BE }) { edges { node { id } } } }"
    assert [it["id"] for it in nodes(graph.asks(query).data["missedLetters"])] == ["first", "later"]


def test_totals_follow_the_filter_and_the_civil_month(graph: Graph) -> None:
    last_evening = datetime(2022, 2, 28, 23, 30, tzinfo=UTC)  # half past midnight on 1 March in Brussels
    graph.have(
        messages.Row.table,
        {"message_id": "1", "sent_at": last_evening},
        {"message_id": "2", "sent_at": last_evening - timedelta(hours=1)},
        {"message_id": "3", "channel": "paper"},
        {"message_id": "4", "channel": "both", "jurisdiction": "nl"},
    )
    query = """{ messages(where: { jurisdiction: BE }) {
      months: totals(by: [MONTH]) { month messages }
      both: totals(by: [CHANNEL, MONTH, CHANNEL]) { month channel status messages }
      all: totals(by: []) { month messages }
    } }"""
    assert graph.asks(query).data["messages"] == {
        "months": [{"month": "2022-02", "messages": 1}, {"month": "2022-03", "messages": 2}],
        "both": [
            {"month": "2022-02", "channel": "DIGITAL", "status": None, "messages": 1},
            {"month": "2022-03", "channel": "DIGITAL", "status": None, "messages": 1},
            {"month": "2022-03", "channel": "PAPER", "status": None, "messages": 1},
        ],
        "all": [{"month": None, "messages": 3}],
    }


def test_groups_without_end_are_refused(bounded: Graph) -> None:
    assert BOUNDS.groups == 1_000
    graph = bounded
    graph.have(message_counts.Row.table, *({"sender_id": f"o{at}"} for at in range(3)))
    assert graph.asks("{ messageCounts(by: [SENDER]) { sent } }").codes == ["too-many-groups"]
    assert graph.asks("{ messageCounts(by: [MONTH]) { month sent } }").data["messageCounts"] == [
        {"month": "2022-03", "sent": 3}
    ]


# --- Counts and figures ---------------------------------------------------------------------------------------------


def test_counts_are_summed_over_what_is_not_asked_for(graph: Graph) -> None:
    graph.have(services.Row.table, {"service_id": "s", "name_en": "Tax-on-web"})
    graph.have(
        authentications.Row.table,
        {"service_id": "s", "authentications": 3_000_000_000},
        {"service_id": "s", "means": "itsme", "authentications": 2},
        {"service_id": "s", "month": "2022-04", "authentications": 4},
        {"service_id": "s", "outcome": "refused", "authentications": 8},
    )
    query = """query Q($where: AuthenticationFilter) {
      authentications(by: [MEANS, SERVICE], where: $where) {
        month means authentications service { name(language: EN) }
      }
    }"""
    where = {"months": {"first": "2022-03", "last": "2022-03"}, "outcome": "SUCCEEDED"}
    service = {"name": "Tax-on-web"}
    assert graph.asks(query, variables={"where": where}).data["authentications"] == [
        {"month": None, "means": "EID", "authentications": 3_000_000_000, "service": service},
        {"month": None, "means": "ITSME", "authentications": 2, "service": service},
    ]


def test_a_figure_says_what_it_means_and_what_it_rests_on(graph: Graph) -> None:
    graph.have(
        bus_counts.Row.table,
        {"month": "2021-02", "accepted": 100},
        {"month": "2022-02", "accepted": 140},
    )
    query = """{ figure(id: "bus_transactions", jurisdiction: BE, period: "2022-02") {
      period value quality
      definition { id version unit window title { in(language: EN) nl } timeZone events }
      growth { previous current percent factor }
      provenance { position computedAt }
    } }"""
    figure = graph.asks(query, role=Role.AGENCY).data["figure"]
    assert figure["definition"].pop("events")
    assert figure["definition"].pop("title")["in"]
    assert figure == {
        "period": "2022-02",
        "value": 140,
        "quality": "EXACT",
        "definition": {
            "id": "bus_transactions",
            "version": 1,
            "unit": "TRANSACTIONS",
            "window": "DURING",
            "timeZone": "Europe/Brussels",
        },
        "growth": {"previous": "100.00", "current": "140.00", "percent": "40", "factor": "1.40"},
        "provenance": {"position": POSITION, "computedAt": NOW.isoformat().replace("+00:00", "Z")},
    }
    series = """{ figureSeries(id: "bus_transactions", jurisdiction: BE, periods: ["2021-02", "2022-02"]) {
      period value
    } }"""
    assert [it["value"] for it in graph.asks(series).data["figureSeries"]] == [100, 140]


def test_the_open_rate_table_stands_side_by_side(graph: Graph) -> None:
    graph.have(
        open_rates.Row.table,
        {"period": "2020-05", "published": 10, "opened_3_weeks": 4, "opened_6_weeks": 5, "taken_into_use": True},
        {"period": "2021-05", "published": 10, "opened_3_weeks": 6, "opened_6_weeks": 8, "taken_into_use": True},
    )
    query = """{ openRates(jurisdiction: BE, years: [2020, 2021]) {
      rows {
        senderType quality
        years { year published rates { weeks percent provisional } }
        differences { weeks points }
      }
      total { differences { points } }
    } }"""
    table = graph.asks(query).data["openRates"]
    (row,) = table["rows"]
    assert [[rate["percent"] for rate in year["rates"]] for year in row["years"]] == [["40", "50"], ["60", "80"]]
    assert row["differences"] == [{"weeks": 3, "points": "20"}, {"weeks": 6, "points": "30"}]
    assert [it["points"] for it in table["total"]["differences"]] == ["20", "30"]


def test_the_index_begins_at_a_hundred(graph: Graph) -> None:
    graph.have(services.Row.table, {"service_id": "s", "registered_at": datetime(2014, 1, 1, tzinfo=UTC)})
    graph.have(
        service_use.Row.table,
        {"service_id": "s", "month": "2014-11", "uses": 10},
        {"service_id": "s", "month": "2015-01", "uses": 15},
    )
    found = graph.asks("{ useIndex(jurisdiction: BE) { audience points { period value services uses } } }").data
    assert found["useIndex"][0] == {
        "audience": "CITIZEN",
        "points": [
            {"period": "2014-11/2014-12", "value": "100.00", "services": 1, "uses": 10},
            {"period": "2015-01/2015-02", "value": "150.00", "services": 1, "uses": 15},
        ],
    }


def test_daily_counts_are_kept_by_day_name_and_organisation(graph: Graph) -> None:
    for day in (28, 29, 30):
        counts = [{"name": name, "organisation_id": own, "events": day} for name in "ab" for own in ("gent", "")]
        graph.have(daily_counts.Row.table, *({"day": date(2022, 3, day), "streams": 1, **it} for it in counts))
    for asked, expected in (
        ('from: "2022-03-29"', ["29", "30"]),
        ('to: "2022-03-29"', ["28", "29"]),
        ('from: "2022-03-29", to: "2022-03-29"', ["29"]),
        ('from: "2022-03-29", to: "2022-03-28"', []),
    ):
        query = f'{{ dailyCounts({asked}, where: {{ name: ["b"] }}) {{ totals(by: [DAY]) {{ day events streams }} }} }}'
        assert graph.asks(query).data["dailyCounts"]["totals"] == [
            {"day": f"2022-03-{day}", "events": 2 * int(day), "streams": 2} for day in expected
        ]
    pages = '{ dailyCounts(where: { organisationId: "gent" }) { totalCount edges { node { day name } } } }'
    found = graph.asks(pages).data["dailyCounts"]
    assert [(it["day"][-2:], it["name"]) for it in nodes(found)] == [
        (day, it) for day in ("30", "29", "28") for it in "ba"
    ]
    assert found["totalCount"] == 6
    no_day = graph.asks(
        "query Q($day: Date) { dailyCounts(from: $day) { totalCount } }", variables={"day": "2022-02-30"}
    )
    assert no_day.codes == ["graphql-invalid"]


def test_a_count_or_an_amount_may_exceed_32_bits(graph: Graph) -> None:
    graph.have(bus_transactions.Row.table, {"transaction_id": "1"}, {"transaction_id": "2"})
    answer = graph.asks("{ busTransactions { totals(by: []) { requestSizeBytes } } }")
    assert answer.data["busTransactions"]["totals"] == [{"requestSizeBytes": 6_000_000_000}]


# --- Personal texts -------------------------------------------------------------------------------------------------

PERSONAL = {
    "person": ("number", people.Row.table, {"person_id": "p"}, "number"),
    "message": ("subject paymentReference", messages.Row.table, {"message_id": "p"}, "subject payment_reference"),
    "invoice": ("sellerContact", invoices.Row.table, {"invoice_id": "p"}, "seller_contact"),
}


@pytest.mark.parametrize("query", sorted(PERSONAL))
def test_a_personal_text_is_opened_for_the_answer_and_gone_once_the_person_is_erased(
    graph: Graph,
    query: str,
) -> None:
    fields, table, key, columns = PERSONAL[query]
    document = f'{{ it: {query}(id: "p") {{ {" ".join(f"{name} {{ text erased }}" for name in fields.split())} }} }}'
    answers = {
        "what was said": {"text": "what was said", "erased": False},
        ERASED: {"text": None, "erased": True},
        "": None,
    }
    for stored, answer in answers.items():
        graph.clear()
        graph.have(table, key | dict.fromkeys(columns.split(), stored))
        assert graph.asks(document, role=Role.SYSTEM).data["it"] == dict.fromkeys(fields.split(), answer)


@pytest.mark.parametrize("query", sorted(PERSONAL))
def test_who_oversees_the_platform_reads_no_personal_texts(
    graph: Graph,
    query: str,
) -> None:
    fields, table, key, columns = PERSONAL[query]
    graph.have(table, key | dict.fromkeys(columns.split(), "what was said"))
    for field in fields.split():
        for role in (Role.AUDITOR, Role.ADMINISTRATOR):
            answer = graph.asks(f'{{ it: {query}(id: "p") {{ {field} {{ text erased }} }} }}', role=role)
            assert answer.codes == ["role-not-allowed"]
            assert "what was said" not in str(answer.body)
