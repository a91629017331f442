"""Role x type x field of GraphQL, generated from the schema and the table of rights: every cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
    graphql_sync,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)
from sqlalchemy import Table, Text

from api.graph.protocol.guard import Guarded, guard
from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.graph.queries.visibility import VISIBLE, everything, nothing
from api.rights.graph import ALL, GRAPH, NONE, ROLES
from api.rights.roles import EVERYBODY, RightsError
from api.web.errors import Problem
from application.ports import Caller, Role
from tests.api.graph_world import USUAL, Graph, graph_over

ID = OWN = "org-a"
ROOT = "Query"
PERSONAL = {"Processing-Activity": "test-of-rights"}
TYPES: Mapping[str, GraphQLObjectType] = {
    name: it
    for name, it in GRAPHQL_SCHEMA.type_map.items()
    if isinstance(it, GraphQLObjectType) and not name.startswith("__")
}
QUERIES = TYPES[ROOT].fields
GIVEN = {"jurisdiction": "BE", "period": '"2022-03"', "periods": '["2022-03"]', "years": "[2022]"}
NAMED = {"figure": '"active_consents"', "figureSeries": '"active_consents"'}
"""Arguments that cannot be just anything, by their own name; and ids by the field that takes them."""

RARELY_SEEN = frozenset({"IndexPoint"})
"""Types of which there is nothing in the rows below."""

# --- Asking for anything --------------------------------------------------------------------------------------------


def asked(name: str, field: GraphQLField, selection: str = "") -> str:
    """Write a field with what it needs, and something of what it has."""
    needed = {it: argument.type for it, argument in field.args.items() if is_required_argument(argument)}
    given = ", ".join(f"{it}: {_argument(name, it, of)}" for it, of in needed.items())
    inner = selection or ("" if is_leaf_type(get_named_type(field.type)) else "{ __typename }")
    return f"{name}{f'({given})' if given else ''} {inner}"


def _argument(field: str, name: str, of: Any) -> str:
    if name in GIVEN:
        return GIVEN[name]
    named = get_named_type(of)
    value = next(iter(named.values)) if isinstance(named, GraphQLEnumType) else NAMED.get(field, f'"{ID}"')
    return f"[{value}]" if is_list_type(get_nullable_type(of)) else value


def ways() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return for each type the shortest way to it: types with the field of each that leads on."""
    found: dict[str, tuple[tuple[str, str], ...]] = {ROOT: ()}
    waiting = [ROOT]
    for of in waiting:
        for name, field in TYPES[of].fields.items():
            leads_to = get_named_type(field.type).name
            if leads_to in TYPES and leads_to not in found:
                found[leads_to] = (*found[of], (of, name))
                waiting.append(leads_to)
    return found


WAYS = ways()


def query_for(of: str) -> str:
    """Write a query for all fields of a type."""
    fields = (asked(name, field) for name, field in TYPES[of].fields.items())
    query = f"{{ __typename {' '.join(fields)} }}"
    for through, name in reversed(WAYS[of]):
        query = f"{{ {asked(name, TYPES[through].fields[name], query)} }}"
    return query


def may_ask(role: Role, of: str, field: str) -> bool:
    return role in ROLES.get(of, EVERYBODY) & ROLES.get(f"{of}.{field}", EVERYBODY)


# --- A row of everything --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph(module_database_url: str) -> Iterator[Graph]:
    limits = Limits(depth=12, aliases=0, tokens=2_000, cost=100_000)
    with graph_over(module_database_url, GraphPolicy(limits=limits)) as graph:
        for table in USUAL:
            graph.have(table, _row(table))
        yield graph


def _row(table: Table) -> Mapping[str, Any]:
    """A row that hangs together with those of the other tables: everything has the same id."""
    texts = [it for it in table.columns if isinstance(it.type, Text)]
    return {it.name: ID for it in texts if it.name.endswith("_id") or it.name in {"code", "number", "received_from"}}


def ask(graph: Graph, query: str, role: Role) -> tuple[set[str], str]:
    """Return the fields that a role may not ask for, and the rest of the answer.

    A query may fail for what it asks, but not as a whole and not for a fault of ours.
    """
    body = graph.ask(query, role=role, organisation=OWN, headers=PERSONAL).body
    found = [(it.get("path"), it["extensions"]["code"]) for it in body.get("errors", [])]
    assert all(path and code != "internal-error" for path, code in found), (query, found)
    return {path[-1] for path, code in found if code == "role-not-allowed"}, str(body["data"])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("field", QUERIES)
def test_a_query_is_answered_for_the_roles_of_its_row_only(field: str, role: Role, graph: Graph) -> None:
    refused, _ = ask(graph, f"{{ {asked(field, QUERIES[field])} }}", role)
    assert refused == (set() if role in ROLES[f"{ROOT}.{field}"] else {field})


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("of", sorted(TYPES.keys() - {ROOT}))
def test_the_fields_of_a_type_are_answered_for_the_roles_of_its_row_only(of: str, role: Role, graph: Graph) -> None:
    refused, answer = ask(graph, query_for(of), role)
    on_the_way = [name for through, name in WAYS[of] if not may_ask(role, through, name)]
    if on_the_way:
        assert refused == set(on_the_way[:1])
    elif f"'__typename': '{of}'" in answer:
        assert refused == {name for name in TYPES[of].fields if not may_ask(role, of, name)}
    else:
        assert (refused, of in RARELY_SEEN or role is Role.AGENCY) == (set(), True)


# --- The table ------------------------------------------------------------------------------------------------------


def test_every_field_is_guarded_as_its_row_says() -> None:
    """Also where nothing leads to it today but what is guarded already."""
    for of, it in TYPES.items():
        for name, field in it.fields.items():
            guarded = field.resolve.roles if isinstance(field.resolve, Guarded) else EVERYBODY
            assert guarded == {role for role in Role if may_ask(role, of, name)}, f"{of}.{name}"


def test_rows_say_what_visibility_does() -> None:
    for right in GRAPH:
        if right.table is not None:
            rules = {role: tables[right.table] for role, tables in VISIBLE.items()}
            assert {role for role, rule in rules.items() if rule is not nothing} == right.roles, right.types
            assert (right.agencies == ALL) == (rules[Role.AGENCY] is everything), right.types
        assert (right.agencies == NONE) == (Role.AGENCY not in right.roles), right.types
        assert right.roles


# --- The guard ------------------------------------------------------------------------------------------------------

DESK = "type Query { person: Person, open: Boolean } type Person { name: String, number: String }"
RIGHTS = {"Query.person": EVERYBODY, "Query.open": EVERYBODY, "Person": EVERYBODY}
AUDITOR = frozenset({Role.AUDITOR})


def desk(**rights: frozenset[Role]) -> GraphQLSchema:
    """A small schema, with rights that differ from those of everybody; dots are written as two underscores."""
    schema = build_schema(DESK)
    guard(schema, RIGHTS | {name.replace("__", "."): roles for name, roles in rights.items()})
    return schema


def told(schema: GraphQLSchema, role: Role) -> tuple[Any, list[str]]:
    caller = Caller(subject="tester", role=role, organisation_id=OWN)
    person = {"person": {"name": "Ann", "number": "1"}, "open": True}
    result = graphql_sync(schema, "{ open person { name number } }", person, SimpleNamespace(caller=caller))
    causes = [error.original_error for error in result.errors or []]
    return result.data, [cause.code for cause in causes if isinstance(cause, Problem)]


def test_who_may_ask_for_all_is_told_all() -> None:
    assert told(desk(), Role.AGENCY) == ({"open": True, "person": {"name": "Ann", "number": "1"}}, [])


def test_a_query_a_type_and_a_field_can_each_be_kept_to_some() -> None:
    without = {"open": True, "person": None}, ["role-not-allowed"]
    nameless = {"open": True, "person": {"name": None, "number": None}}, ["role-not-allowed"] * 2
    numberless = {"open": True, "person": {"name": "Ann", "number": None}}, ["role-not-allowed"]
    for schema, refused_as in (
        (desk(Query__person=AUDITOR), without),
        (desk(Person=AUDITOR), nameless),
        (desk(Person__number=AUDITOR), numberless),
    ):
        assert told(schema, Role.AGENCY) == refused_as
        assert told(schema, Role.AUDITOR) == told(desk(), Role.AUDITOR)


def test_a_field_is_never_open_to_more_roles_than_its_type() -> None:
    schema = desk(Person=AUDITOR, Person__number=EVERYBODY)
    assert told(schema, Role.AGENCY)[0] == {"open": True, "person": {"name": None, "number": None}}


@pytest.mark.parametrize(
    ("more", "without", "message"),
    [
        ("", "Query.open", "without a row in the table of rights: Query.open"),
        ("", "Person", "without a row in the table of rights: Person"),
        ("type Mutation { erase: Boolean }", "", "without a row in the table of rights: Mutation.erase"),
        ("type Subscription { everything: Boolean }", "", "subscriptions are not guarded"),
    ],
)
def test_what_has_no_row_makes_no_schema(more: str, without: str, message: str) -> None:
    rights = {name: roles for name, roles in RIGHTS.items() if name != without}
    with pytest.raises(RightsError, match=message):
        guard(build_schema(f"{DESK} {more}"), rights)


@pytest.mark.parametrize("idle", ["Query.gone", "Gone", "Person.gone", "Query"])
def test_a_row_of_nothing_makes_no_schema(idle: str) -> None:
    with pytest.raises(RightsError, match=f"that are of no type or field of GraphQL: {idle}"):
        guard(build_schema(DESK), {**RIGHTS, idle: EVERYBODY})
