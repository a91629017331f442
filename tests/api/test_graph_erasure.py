"""What GraphQL says of erasures and legal holds, and of a person who was erased."""

from __future__ import annotations

from datetime import date

from application.ports import Role
from projections import erasures, legal_holds, people
from tests.api.world.graph import Graph, nodes
from tests.api.world.rows import AT

WHY = {"Processing-Activity": "data-protection-review"}
EVERYTHING = "{ id status heldPurposes ground requestedAt purposes { purpose status } }"


def test_a_person_is_shown_as_erased_with_each_purpose(graph: Graph) -> None:
    graph.have(people.Row.table, {"person_id": "ann"}, {"person_id": "bob"}, {"person_id": "cem"})
    graph.have(erasures.Row.table, {"person_id": "ann"}, {"person_id": "bob", "requested_at": None})
    query = f"{{ people {{ edges {{ node {{ id erasure {EVERYTHING} }} }} }} }}"
    found = {node["id"]: node["erasure"] for node in nodes(graph.asks(query, headers=WHY).data["people"])}
    assert found == {
        "ann": {
            "id": "ann",
            "status": "DESTROYED",
            "heldPurposes": ["INVOICING"],
            "ground": "OBJECTION",
            "requestedAt": AT.isoformat().replace("+00:00", "Z"),
            "purposes": [
                {"purpose": "IDENTIFICATION", "status": "SHREDDED"},
                {"purpose": "CORRESPONDENCE", "status": "DESTROYED"},
                {"purpose": "INVOICING", "status": "KEPT"},
            ],
        },
        "bob": None,  # something is held, and nothing was to be erased
        "cem": None,
    }


def test_many_people_are_looked_up_with_one_query(graph: Graph) -> None:
    graph.have(people.Row.table, *({"person_id": f"person-{number}"} for number in range(20)))
    graph.have(erasures.Row.table, *({"person_id": f"person-{number}"} for number in range(20)))
    graph.queries.clear()
    answer = graph.asks("{ people(first: 20) { edges { node { erasure { status } } } } }", headers=WHY)
    assert len(nodes(answer.data["people"])) == 20
    assert len([query for query in graph.queries if erasures.Row.table.name in query and "LOCK" not in query]) == 1


def test_holds_are_found_by_person_purpose_and_ground(graph: Graph) -> None:
    graph.have(
        legal_holds.Row.table,
        {"person_id": "ann", "until": date(2036, 12, 31)},
        {"person_id": "bob", "ground": "legal_claims", "purpose": "correspondence", "reference": "RG/1"},
    )
    query = "{ legalHolds(where: %s) { edges { node { id until reference liftedAt } } } }"
    for where, expected in (
        ('{personId: "ann"}', "ann.hold-1"),
        ("{ground: [LEGAL_CLAIMS]}", "bob.hold-1"),
        ("{purpose: [INVOICING]}", "ann.hold-1"),
    ):
        (found,) = nodes(graph.asks(query % where, headers=WHY).data["legalHolds"])
        assert found["id"] == expected
    assert found == {"id": "ann.hold-1", "until": "2036-12-31", "reference": None, "liftedAt": None}


def test_holds_are_for_overseers(graph: Graph) -> None:
    for role in (Role.AGENCY, Role.SYSTEM):
        answer = graph.asks("{ legalHolds { totalCount } }", role=role, headers=WHY)
        assert answer.codes == ["role-not-allowed"]
