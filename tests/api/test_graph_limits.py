"""What is asked of the graph to make it work, or to find out what is not told, is refused before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.graph.protocol.costs import DECLARED
from api.graph.protocol.schema import GRAPHQL_SCHEMA
from benchmarks.hostile_documents import HOSTILE, LISTS
from tests.api.world.graph import Graph
from tests.lengths import runs_longer, sized

HELLO = "{ organisations { totalCount } }"
SCHEMA_ASKED = "{ __schema { queryType { name } } }"


# --- Hostile documents ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_before_anything_is_read(graph: Graph, name: str) -> None:
    document, code = HOSTILE[name]
    answer = graph.asks(document)
    assert (answer.status, answer.codes[0], graph.queries) == (200, code, [])
    assert graph.asks(document, headers={"Accept": "application/graphql-response+json"}).status == 400


@pytest.mark.parametrize("variables", [{"n": 100}, {"n": 10**12}, {"n": "x"}, {"n": [1]}])
def test_the_size_of_a_page_is_read_from_the_variables(graph: Graph, variables: dict[str, Any]) -> None:
    page = "organisations(first: $n) { edges { node { services { organisation { id } } } } }"
    query = f"query($n: Int) {{ {' '.join(f'a{at}: {page}' for at in range(3))} }}"
    assert graph.asks(query, variables=variables).codes == ["query-too-costly"]
    assert graph.queries == []
    assert graph.asks(query, variables={"n": 3}).body["extensions"]["cost"]["requested"] == 3 * (1 + 3 * (1 + 20))


@pytest.mark.parametrize(
    "variables",
    [
        {"a": list(range(2_000))},
        {f"v{at}": at for at in range(2_000)},
        {"a": [[[[[[[[[[[[1]]]]]]]]]]]]},
    ],
)
def test_variables_are_few_and_flat(graph: Graph, variables: dict[str, Any]) -> None:
    answer = graph.asks(HELLO, variables=variables)
    assert (answer.status, answer.codes, graph.queries) == (413, ["variables-too-large"], [])


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 0),
        (HELLO, 11),
        ("{ organisations { edges { node { id } } } }", 51),
        ("{ organisations(first: 7) { edges { node { id } } pageInfo { hasNextPage } } }", 8),
        ("{ organisations(first: 10) { totals(by: [LEVEL]) { organisations } edges { node { id } } } }", 61),
        ("{ organisations(first: 10) { edges { node { services { organisation { id } } } } } }", 1 + 10 * (1 + 20)),
        ("{ busCounts(by: [MONTH]) { accepted } }", 50),
        ("{ ...A } fragment A on Query { organisations(first: 5) { edges { node { id } } } }", 6),
        (SCHEMA_ASKED, 1_000),
    ],
)
def test_an_answer_tells_what_it_cost(graph: Graph, query: str, cost: int) -> None:
    assert graph.asks(query).body["extensions"]["cost"] == {"requested": cost, "most": 5_000}


def test_every_declared_price_is_of_a_field() -> None:
    fields = {(kind.name, name) for kind in GRAPHQL_SCHEMA.type_map.values() for name in getattr(kind, "fields", ())}
    assert {it for it in DECLARED if not it[1].startswith("__")} <= fields


def test_every_list_that_is_paged_refuses_more_than_a_hundred(graph: Graph) -> None:
    assert GRAPHQL_SCHEMA.query_type is not None
    paged = [name for name, field in GRAPHQL_SCHEMA.query_type.fields.items() if "first" in field.args]
    assert set(LISTS) <= set(paged)
    needed = {"inbox": 'mailboxId: "m", ', "dailyCounts": 'from: "2022-01-01", to: "2022-01-02", '}
    for name in paged:
        for which in ("first", "last"):
            answer = graph.asks(f"{{ {name}({needed.get(name, '')}{which}: 101) {{ totalCount }} }}")
            assert answer.codes == ["page-too-large"], name


NAMES = st.sampled_from([*LISTS, "edges", "node", "id", "__typename", "__schema", "types", "totals", "x", "...f", "on"])
PIECES = st.one_of(NAMES, st.sampled_from([*list('{}()[]:!$@,#"\\\n'), '"""', "first: 3", "query", "fragment", "..."]))


@runs_longer
@settings(max_examples=sized(50, long=1_500), deadline=None, suppress_health_check=list(HealthCheck))
@given(document=st.one_of(st.lists(PIECES, max_size=60).map(" ".join), st.text(max_size=200)))
def test_no_document_is_a_failure_of_ours(graph: Graph, document: str) -> None:
    answer = graph.asks("{ " + document)
    assert answer.status < 500
    assert "internal-error" not in [it["extensions"]["code"] for it in answer.body.get("errors", ())]
