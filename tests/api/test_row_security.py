"""Two organisations, every query of the schema, every id of the other: nothing leaks, also without our own filter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
)
from psycopg import sql
from sqlalchemy import Table

import api.graph.queries.guard
import api.graph.types.identity
import projections.row_security
from api.graph.planned.parameters import NotPlannedError, class_of
from api.graph.planned.queries import PlannedQueries
from api.graph.protocol.limits import MAX_REPEATS, Limits
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.schema import GRAPHQL_SCHEMA, RIGHTS
from api.rights.graph import ALL
from application.ports import Role
from projections import accesses, invoices, mailboxes, mandates, messages, open_rates
from projections.read_model import SCHEMA
from projections.registry import PROJECTIONS
from projections.row_security import Viewer
from tests.api.test_graph_visibility import A, B, rows_of
from tests.api.world.graph import Graph, graph_over
from tests.infrastructure.who_sees import NEVER_TOLD, PUBLIC

AS_IS = GraphPolicy(limits=Limits(tokens=50_000, depth=20, aliases=1_000, directives=50, cost=100_000_000))
"""No document that is made here is refused for its size."""

NESTED = 2
"""How many objects deep, not counting what a page is made of."""

TEXTS: Mapping[str, str] = {"period": "2022", "periods": "2022", "figureId": "messages_sent"}
NUMBER = 2022

PUBLIC_TYPES = {name for right, _, types in RIGHTS.rows() if right.agencies == ALL for name in types}
"""What every agency sees all rows of."""

TYPES_OF = {right.read_model: types for right, _, types in RIGHTS.rows() if right.read_model}
"""The types that are made of each read model."""

OTHERS: Mapping[Table, Mapping[str, Any]] = {
    invoices.Row.table: {"buyer_id": "org-c", "received_from": "org-c"},
    mailboxes.Row.table: {"provider_id": "org-c"},
    messages.Row.table: {"mailbox_id": "org-c"},
}
"""Who else has a part in rows: an answer needs all of them."""

both_ways = pytest.mark.parametrize(("own", "other", "present"), [(A, B, False), (A, B, True), (B, A, True)])
"""Who asks about whom, and whether a person of the agency's own is in a session there."""

Asked = Mapping[str, Any]
"""By document, what it was answered with."""


@pytest.fixture(scope="module")
def graph(module_read_models_url: str) -> Iterator[Graph]:
    with graph_over(module_read_models_url, AS_IS) as graph:
        for organisation in (A, B):
            for table, row in rows_of(organisation):
                graph.have(table, {**OTHERS.get(table, {}), **row})
            graph.consent(f"person-of-{organisation}", organisation)
        graph.have(open_rates.Row.table, {"sender_type": "municipality"})
        yield graph


@pytest.fixture
def without_filter(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what switches off all that our own code decides about who sees what."""

    def switch_off() -> None:
        monkeypatch.setattr(projections.row_security, "sees_all", lambda *_: True)
        monkeypatch.setattr(api.graph.types.identity, "check_own_service", lambda *_: None)
        monkeypatch.setattr(api.graph.queries.guard, "must_have_role", lambda *_: None)
        # A plan that was made before has the filter in it.
        monkeypatch.setattr(PlannedQueries, "_plan", _made_anew)

    return switch_off


def _made_anew(plans: Any, operation: Any, variables: Any, viewer: Viewer) -> Any:
    plan = plans.made(operation, variables, class_of(viewer))
    if plan is None:
        raise NotPlannedError
    return plan


def ids_of(organisation: str) -> Sequence[str]:
    """Return every id that is in the rows of an organisation, whoever sees them."""
    texts = (value for _, row in rows_of(organisation) for name, value in row.items() if name.endswith(("_id", "code")))
    return sorted({value for value in texts if isinstance(value, str) and organisation in value})


def ask_all(graph: Graph, organisation: str, about: str, *, present: bool = False) -> Asked:
    ids = ids_of(about)
    headers = {"Session-Id": graph.session(f"person-of-{organisation}", organisation)} if present else {}
    asked = [text for _, text in documents(GRAPHQL_SCHEMA, ids)]
    return {text: graph.asks(text, role=Role.AGENCY, organisation=organisation, headers=headers).body for text in asked}


def leaked(asked: Asked, other: str) -> set[str]:
    """Return the types of which an answer holds what is of the other organisation alone."""
    return {of for body in asked.values() for of, text in held(body.get("data")) if other in text} - PUBLIC_TYPES


@both_ways
def test_nothing_of_another_organisation_is_seen(graph: Graph, own: str, other: str, *, present: bool) -> None:
    assert leaked(ask_all(graph, own, other, present=present), other) == set()


@both_ways
def test_nothing_of_another_organisation_is_seen_without_our_own_filter(
    graph: Graph, without_filter: Callable[[], None], own: str, other: str, *, present: bool
) -> None:
    without_filter()
    assert leaked(ask_all(graph, own, other, present=present), other) == set()


@pytest.mark.parametrize(("about", "present"), [(A, True), (A, False), (B, True)])
def test_an_agency_is_answered_the_same_without_our_own_filter(
    graph: Graph, without_filter: Callable[[], None], about: str, *, present: bool
) -> None:
    """The two say the same: PostgreSQL alone neither hides what is the caller's own nor shows more."""
    answers = ask_all(graph, A, about, present=present)
    filtered = {text: body["data"] for text, body in answers.items() if "errors" not in body}
    assert len(filtered) > len(ids_of(about))
    without_filter()
    unfiltered = ask_all(graph, A, about, present=present)
    assert {text: unfiltered[text].get("data") for text in filtered} == filtered


def test_without_both_everything_would_be_seen(
    graph: Graph, module_read_models_url: str, without_filter: Callable[[], None]
) -> None:
    """What was asked above would have found it: every type that agencies see a part of, or nothing.

    But for accesses: the query for them asks for those of the person in a session, whoever filters.
    """
    without_filter()
    with psycopg.connect(module_read_models_url, autocommit=True) as owner:
        for projection in PROJECTIONS:
            _switch(owner, projection.table.name, "DISABLE")
        try:
            found = leaked(ask_all(graph, A, B, present=True), B)
        finally:
            for projection in PROJECTIONS:
                _switch(owner, projection.table.name, "ENABLE")
    limited = [types for model, types in TYPES_OF.items() if model not in {*PUBLIC, accesses.READ_MODEL.name}]
    assert [types for types in limited if not found & set(types)] == []


def _switch(owner: psycopg.Connection, table: str, how: str) -> None:
    change = sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(sql.Identifier(SCHEMA, table), sql.SQL(how))
    owner.execute(change)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR, Role.SYSTEM])
def test_other_roles_are_answered_the_same_without_our_own_filter(
    graph: Graph, without_filter: Callable[[], None], role: Role
) -> None:
    asked = [text for _, text in documents(GRAPHQL_SCHEMA, [B])]
    filtered = {text: graph.asks(text, role=role).body for text in asked}
    answered = {text: body["data"] for text, body in filtered.items() if "errors" not in body}
    assert any(B in text for body in answered.values() for _, text in held(body))
    without_filter()
    assert {text: graph.asks(text, role=role).body["data"] for text in answered} == answered


def test_what_a_role_may_not_ask_for_is_not_there_either(graph: Graph, without_filter: Callable[[], None]) -> None:
    without_filter()
    hidden = {of for model, types in TYPES_OF.items() if model in NEVER_TOLD for of in types}
    asked = [text for _, text in documents(GRAPHQL_SCHEMA, [A])]
    answers = [graph.asks(text, role=Role.AGENCY, organisation=A).body.get("data") for text in asked]
    rows = {of for answer in answers for of, text in held(answer) if text != of}
    assert len(rows) > len(hidden) > 1
    assert {of for of in rows if of in hidden and not of.endswith("Connection")} == set()


# --- May A act for B? -----------------------------------------------------------------------------------------------

MAY_ACT = """query May($service: ID!, $mandator: ID!) {
  mayAct(mandataryId: "mandatary", mandatorId: $mandator, serviceId: $service) { mandates { mandateId } }
}"""


def test_who_may_act_at_the_services_of_others_is_not_told_without_our_own_filter(
    graph: Graph, without_filter: Callable[[], None]
) -> None:
    """A mandate for every service is in nobody's list; it is shown to whoever names the mandator, and only then."""
    for of in (A, B):
        at_service = {"service_ids": [f"service-of-{of}"], "organisation_ids": [of]}
        graph.have(mandates.Row.table, {"mandate_id": f"may-at-{of}", "mandator_id": "ann", **at_service})
    everywhere: dict[str, Any] = {"service_ids": [], "organisation_ids": []}
    graph.have(mandates.Row.table, {"mandate_id": "may-everywhere", "mandator_id": "ann", **everywhere})
    graph.have(mandates.Row.table, {"mandate_id": "others-everywhere", "mandator_id": "bob", **everywhere})
    without_filter()
    assert may_act(graph, A, f"service-of-{A}", "ann") == {f"may-at-{A}", "may-everywhere"}
    assert may_act(graph, A, f"service-of-{B}", "ann") == {"may-everywhere"}
    assert may_act(graph, A, f"service-of-{B}", "bob") == {"others-everywhere"}
    listed = graph.asks("{ mandates(first: 100) { edges { node { mandateId } } } }", role=Role.AGENCY, organisation=A)
    assert "everywhere" not in str(listed.data)


def may_act(graph: Graph, by: str, service: str, mandator: str) -> set[str]:
    variables = {"service": service, "mandator": mandator}
    answer = graph.asks(MAY_ACT, variables=variables, role=Role.AGENCY, organisation=by)
    return {it["mandateId"] for it in answer.data["mayAct"]["mandates"]}


# --- Documents that ask for everything, made from the schema: a new type is asked for by itself -----------------------


def documents(schema: GraphQLSchema, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield every query with its field; where it takes ids, with each of the ids in every place, some to a document."""
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        takes_ids = any(_is_id(argument) for argument in field.args.values() if _is_required(argument))
        for some in batched(ids if takes_ids else ids[:1]):
            asked = (f"a{at}: {_asked(name, field, it, NESTED)}" for at, it in enumerate(some))
            yield name, f"{{ {' '.join(asked)} }}"


def batched(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + MAX_REPEATS] for at in range(0, len(ids), MAX_REPEATS))


def _asked(name: str, field: GraphQLField, an_id: str, nested: int) -> str:
    arguments = {at: _value(at, it.type, an_id) for at, it in field.args.items() if _is_required(it)}
    if "first" in field.args:
        arguments["first"] = "100"
    given = f"({', '.join(f'{at}: {it}' for at, it in arguments.items())})" if arguments else ""
    return f"{name}{given}{_selection(get_named_type(field.type), an_id, nested)}"


def _selection(of: GraphQLNamedType, an_id: str, nested: int) -> str:
    if not isinstance(of, GraphQLObjectType):
        return ""
    parts = ["__typename"]
    for name, field in of.fields.items():
        inner = get_named_type(field.type)
        if not isinstance(inner, GraphQLObjectType) or _is_of_page(of, inner):
            parts.append(_asked(name, field, an_id, nested))
        elif nested > 1:
            parts.append(_asked(name, field, an_id, nested - 1))
    return f" {{ {' '.join(parts)} }}"


def _is_of_page(of: GraphQLObjectType, inner: GraphQLObjectType) -> bool:
    return of.name.endswith(("Connection", "Edge")) or inner.name.endswith("Connection")


def _is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


def _is_id(argument: GraphQLArgument) -> bool:
    return get_named_type(argument.type).name == "ID"


def _value(name: str, of: Any, an_id: str) -> str:
    match of:
        case GraphQLNonNull():
            return _value(name, of.of_type, an_id)
        case GraphQLList():
            inner = get_named_type(of)
            values = list(inner.values) if isinstance(inner, GraphQLEnumType) else [_value(name, inner, an_id)]
            return f"[{', '.join(values)}]"
        case GraphQLEnumType():
            return str(next(iter(of.values)))
        case _:
            return {"Int": str(NUMBER), "Boolean": "true"}.get(str(of.name)) or json.dumps(TEXTS.get(name, an_id))


def held(answer: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in an answer, with the type of the object that it is a field of."""
    match answer:
        case dict():
            of = str(answer.get("__typename", ""))
            for value in answer.values():
                if isinstance(value, str):
                    yield of, value
                else:
                    yield from held(value)
        case list():
            for value in answer:
                yield from ((("", value),) if isinstance(value, str) else held(value))
