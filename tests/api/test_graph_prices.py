"""A query costs about what it reads: counting many rows costs more than counting few, and no kind of field is cheap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from application.ports import Role
from projections import messages
from tests.api.world.graph import Graph, graph_over

MANY = 40_000
FEW = 40
TABLE = messages.Row.table.name
COPIES = f"""
    INSERT INTO read.{TABLE} SELECT (jsonb_populate_record(one, jsonb_build_object(
        'message_id', 'm-' || number, 'sender_id', CASE WHEN number <= {FEW} THEN 'few' ELSE 'many' END,
        'sent_at', one.sent_at + number * interval '1 minute'))).*
    FROM read.{TABLE} AS one, generate_series(1, {MANY}) AS number
"""  # noqa: S608 - our own table

TOTAL = "{ messages { totalCount } }"
KINDS = {
    "page": "{ messages(first: 100) { edges { node { id status sentAt sender { id } } } } }",
    "total": TOTAL,
    "groups": "{ messages { totals(by: [MONTH, SENDER]) { month senderId messages } } }",
}


@pytest.fixture(scope="module")
def graph(module_read_models_url: str) -> Iterator[Graph]:
    with graph_over(module_read_models_url) as graph:
        graph.have(messages.Row.table, {"message_id": "m-0", "sender_id": "few"})
        with psycopg.connect(module_read_models_url, autocommit=True) as owner:
            for statement in (COPIES, f"VACUUM ANALYZE read.{TABLE}"):
                owner.execute(statement.encode())
        yield graph


def cost(graph: Graph, query: str, **asked: Any) -> int:
    answer = graph.asks(query, **asked)
    assert "errors" not in answer.body, answer.body
    found: int = answer.body["extensions"]["cost"]["requested"]
    return found


def test_counting_costs_by_the_rows_that_the_caller_sees(graph: Graph) -> None:
    of_many = cost(graph, TOTAL, role=Role.AGENCY, organisation="many")
    assert of_many > 5 * cost(graph, TOTAL, role=Role.AGENCY, organisation="few") == 5 * 11
    assert of_many > 5 * cost(graph, TOTAL, role=Role.AGENCY, organisation="nobody") == 5 * 11
    assert cost(graph, TOTAL) >= of_many
    assert cost(graph, KINDS["groups"]) > 5 * cost(graph, TOTAL)


def test_a_document_of_many_sums_costs_what_it_reads(graph: Graph) -> None:
    part = "p{}: messages {{ totalCount totals(by: [MONTH]) {{ month messages }} }}"
    document = f"{{ {' '.join(part.format(number) for number in range(15))} }}"
    assert graph.asks(document).codes == ["query-too-costly"]
    assert cost(graph, document, role=Role.AGENCY, organisation="few") == 15 * (1 + 10 + 50)


def test_a_point_is_about_as_much_time_in_each_kind_of_field(graph: Graph) -> None:
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(6):
        for kind, query in KINDS.items():
            began = time.perf_counter()
            graph.asks(query)
            times[kind].append(time.perf_counter() - began)
    a_second = {kind: cost(graph, query) / min(times[kind]) for kind, query in KINDS.items()}
    assert max(a_second.values()) <= 12 * min(a_second.values()), a_second
