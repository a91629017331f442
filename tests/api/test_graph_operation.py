"""What administrators ordered for the read models can be read by those who look over the platform."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.ports import Role
from projections.projection_acts import Row
from tests.api.world.graph import Graph, nodes
from tests.api.world.rows import AT

LIST = """query Acts($projection: String, $first: Int, $after: String) {
  projectionActs(projection: $projection, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { actPosition projection act eventPosition why actingId organisationId actedAt } }
  }
}"""


@pytest.fixture(autouse=True)
def _acts(graph: Graph) -> None:
    graph.have(
        Row.table,
        {"act_position": 7, "projection": "people", "act": "pause"},
        {"act_position": 9, "projection": "consents", "act": "skip", "event_position": 4711},
        {
            "act_position": 12,
            "projection": "people",
            "act": "resume",
            "organisation_id": "platform",
            "acted_at": AT + timedelta(hours=1),
        },
    )


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR])
def test_the_newest_act_comes_first_with_who_and_why(graph: Graph, role: Role) -> None:
    found = graph.asks(LIST, role=role).data["projectionActs"]
    assert (found["totalCount"], [it["actPosition"] for it in nodes(found)]) == (3, [12, 9, 7])
    assert nodes(found)[0] == {
        "actPosition": 12,
        "projection": "people",
        "act": "RESUME",
        "eventPosition": 0,
        "why": "a disk is full",
        "actingId": "official-7",
        "organisationId": "platform",
        "actedAt": "2022-03-01T10:30:00Z",
    }
    assert (nodes(found)[1]["act"], nodes(found)[1]["eventPosition"]) == ("SKIP", 4711)


def test_the_acts_on_one_projection_come_in_pages(graph: Graph) -> None:
    asked = {"projection": "people", "first": 1}
    first = graph.asks(LIST, variables=asked).data["projectionActs"]
    assert (first["totalCount"], [it["actPosition"] for it in nodes(first)]) == (2, [12])
    assert first["pageInfo"]["hasNextPage"]
    rest = graph.asks(LIST, variables={**asked, "after": first["pageInfo"]["endCursor"]}).data["projectionActs"]
    assert [it["actPosition"] for it in nodes(rest)] == [7]
    assert not rest["pageInfo"]["hasNextPage"]
    unknown = graph.asks(LIST, variables={"projection": "no such"}).data["projectionActs"]
    assert (unknown["totalCount"], nodes(unknown)) == (0, [])
