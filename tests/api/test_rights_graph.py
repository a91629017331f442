"""Role x type x field of GraphQL, generated from the schema and the table of rights: every cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
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

from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.schema import GRAPHQL_SCHEMA, RIGHTS
from api.graph.queries.guard import GraphRights, Guarded, guard, rights_of
from api.rights.graph import ALL, NONE, GraphRight, asked, asked_of
from api.rights.roles import EVERYBODY, RightsError
from api.web.errors import Problem
from application.ports import Caller, Role
from projections.registry import PROJECTIONS
from tests.api.world.graph import Graph, graph_over
from tests.api.world.rows import USUAL
from tests.infrastructure.who_sees import HIDDEN_FROM, NEVER_TOLD, PUBLIC

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

RARELY_SEEN = frozenset({"Growth", "IndexPoint"})
"""Types of which there is nothing in the rows below."""

# --- Asking for anything --------------------------------------------------------------------------------------------


def written(name: str, field: GraphQLField, selection: str = "") -> str:
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
    fields = (written(name, field) for name, field in TYPES[of].fields.items())
    query = f"{{ __typename {' '.join(fields)} }}"
    for through, name in reversed(WAYS[of]):
        query = f"{{ {written(name, TYPES[through].fields[name], query)} }}"
    return query


def may_ask(role: Role, of: str, field: str) -> bool:
    return role in RIGHTS.roles(of, field)


# --- A row of everything --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph(module_read_models_url: str) -> Iterator[Graph]:
    limits = Limits(depth=12, aliases=0, tokens=2_000, cost=100_000)
    with graph_over(module_read_models_url, GraphPolicy(limits=limits)) as graph:
        for table in USUAL:
            graph.have(table, _row(table))
        yield graph


def _row(table: Table) -> Mapping[str, Any]:
    """A row that hangs together with those of the other tables: everything has the same id."""
    texts = [it for it in table.columns if isinstance(it.type, Text)]
    named = {"code", "number", "received_from", "trader_name"}
    return {it.name: ID for it in texts if it.name.endswith("_id") or it.name in named}


def ask(graph: Graph, query: str, role: Role) -> tuple[set[str], str]:
    """Return the fields that a role may not ask for, and the rest of the answer.

    A query may fail for what it asks, but not as a whole and not for a fault of ours.
    """
    body = graph.asks(query, role=role, organisation=OWN, headers=PERSONAL).body
    found = [(it.get("path"), it["extensions"]["code"]) for it in body.get("errors", [])]
    assert all(path and code != "internal-error" for path, code in found), (query, found)
    return {path[-1] for path, code in found if code == "role-not-allowed"}, str(body["data"])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("field", QUERIES)
def test_a_query_is_answered_for_the_roles_of_its_row_only(field: str, role: Role, graph: Graph) -> None:
    refused, _ = ask(graph, f"{{ {written(field, QUERIES[field])} }}", role)
    assert refused == (set() if may_ask(role, ROOT, field) else {field})


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


def test_rights_are_those_that_plain_words_give() -> None:
    """Held against the oracle, which knows nothing of declarations."""
    read_models = {right.read_model: right for right, _, _ in RIGHTS.rows() if right.read_model}
    assert set(read_models) == {it.name for it in PROJECTIONS}
    for name, right in read_models.items():
        others = {role for role in Role if role is not Role.AGENCY and name not in HIDDEN_FROM[role]}
        agencies = set() if name in NEVER_TOLD else {Role.AGENCY}
        assert right.roles == others | agencies, name
        assert (right.agencies == ALL) == (name in PUBLIC), name
        assert (right.agencies == NONE) == (name in NEVER_TOLD), name


# --- The guard ------------------------------------------------------------------------------------------------------

AUDITORS = GraphRight(roles=frozenset({Role.AUDITOR}), agencies=NONE)
OPEN = GraphRight()


def small_schema(of_query: GraphRight = OPEN, of_type: GraphRight = OPEN, of_field: GraphRight = OPEN) -> GraphQLSchema:
    """A small schema, whose query, type and field can each be kept to some roles."""

    @asked_of(of_type)
    @strawberry.type
    class Person:
        name: str
        number: str = strawberry.field(metadata=asked(of_field))

    def person() -> Person | None:
        return Person(name="Ann", number="1")

    person.__annotations__["return"] = Person | None

    @strawberry.type
    class Query:
        shown = strawberry.field(resolver=person, name="person", metadata=asked(of_query))
        open: bool = strawberry.field(default=True, metadata=asked(OPEN))

    schema: GraphQLSchema = strawberry.Schema(Query)._schema  # noqa: SLF001 - Strawberry shows its own in no other way
    guard(schema, rights_of(schema))
    return schema


def told(schema: GraphQLSchema, role: Role) -> tuple[Any, list[str]]:
    caller = Caller(subject="tester", role=role, organisation_id=OWN)
    context = SimpleNamespace(request=SimpleNamespace(caller=caller))
    result = graphql_sync(schema, "{ open person { name number } }", SimpleNamespace(open=True), context)
    causes = [error.original_error for error in result.errors or []]
    return result.data, [cause.code for cause in causes if isinstance(cause, Problem)]


def test_who_may_ask_for_all_is_told_all() -> None:
    assert told(small_schema(), Role.AGENCY) == ({"open": True, "person": {"name": "Ann", "number": "1"}}, [])


def test_a_query_a_type_and_a_field_can_each_be_kept_to_some() -> None:
    without = {"open": True, "person": None}
    for schema in (small_schema(of_query=AUDITORS), small_schema(of_type=AUDITORS), small_schema(of_field=AUDITORS)):
        data, codes = told(schema, Role.AGENCY)
        assert (data, set(codes)) == (without, {"role-not-allowed"})
        assert told(schema, Role.AUDITOR) == told(small_schema(), Role.AUDITOR)


def test_a_field_is_never_open_to_more_roles_than_its_type() -> None:
    rights = rights_of(small_schema(of_type=AUDITORS, of_field=OPEN))
    assert rights.roles("Person", "number") == rights.roles("Person", "name") == {Role.AUDITOR}
    assert rights_of(small_schema(of_field=AUDITORS)).roles("Person", "name") == EVERYBODY


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "nothing says who may ask: Person, Query.open, Query.person$"),
        ("type Mutation { erase: Boolean }", "nothing says who may ask: Mutation.erase, Person, Query"),
        ("type Subscription { everything: Boolean }", "subscriptions are not guarded"),
    ],
)
def test_what_has_no_right_makes_no_schema(more: str, message: str) -> None:
    without = "type Query { person: Person, open: Boolean } type Person { name: String }"
    with pytest.raises(RightsError, match=message):
        rights_of(build_schema(f"{without} {more}"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": frozenset[Role]()},
        {"roles": frozenset({Role.AUDITOR}), "agencies": ALL},
        {"roles": EVERYBODY, "agencies": NONE},
    ],
)
def test_a_right_that_contradicts_itself_is_refused(wrong: Any) -> None:
    with pytest.raises(RightsError, match="rights that contradict themselves"):
        GraphRight(**wrong)


def test_rights_name_each_type_and_field_once() -> None:
    rows = RIGHTS.rows()
    assert isinstance(RIGHTS, GraphRights)
    named = [name for _, fields, types in rows for name in (*fields, *types)]
    assert len(named) == len(set(named))
    assert set(QUERIES) | (TYPES.keys() - {ROOT}) <= set(named)
