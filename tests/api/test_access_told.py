"""From a look to the person who asks: over the doors, the log and the read models, as in life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from application.ports import Role
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rows.definitions import platform
from tests.api.world import World, at

WHY = "urn:example:activity:key-administration"
OWN = "query Q($session: ID!) { accesses(sessionId: $session) { totalCount edges { node { category activity } } } }"


@pytest.fixture
def project(world: World, module_database_url: str) -> Any:
    """Bring the read models to the end of the log, as a worker does, while time goes by."""

    def bring() -> None:
        world.clock.now += timedelta(seconds=1)
        with psycopg.connect(module_database_url, autocommit=True) as connection:
            projector = Projector(connection, platform())
            projector.prepare()
            projector.catch_up()

    return bring


def ask(world: World, query: str, role: Role, organisation: str, **variables: str) -> Any:
    return world.caller(role, organisation, activity=WHY).asks(query, variables).data


def told(world: World, who: str) -> tuple[int, list[str]]:
    """Ask as the provider at whose portal somebody is; return how many looks they are told of, and at what."""
    answer = ask(world, OWN, Role.AGENCY, "provider", session=world.id[f"{who}.session"])["accesses"]
    assert {edge["node"]["activity"] for edge in answer["edges"]} <= {WHY}
    return answer["totalCount"], [edge["node"]["category"] for edge in answer["edges"]]


def test_a_look_is_told_to_the_person_and_to_nobody_else(world: World, project: Any) -> None:
    project()
    query = "query Q($who: ID) { keys(where: { personId: $who }, first: 1) { edges { node { personId } } } }"
    found = ask(world, query, Role.AGENCY, "identity-provider", who=world.id["dora"])
    assert [edge["node"]["personId"] for edge in found["keys"]["edges"]] == [world.id["dora"]]
    project()
    assert told(world, "dora") == (1, ["KEYS"])
    assert told(world, "eric") == (0, [])
    project()
    assert told(world, "dora") == (2, ["ACCESSES", "KEYS"])


def test_a_suppression_hides_the_looks_of_one_organisation_until_it_ends(world: World, project: Any) -> None:
    project()
    ask(world, "query Q($who: ID!) { key(id: $who) { id } }", Role.AGENCY, "identity-provider", who=world.id["jon.eid"])
    project()
    assert told(world, "jon") == (1, ["KEYS"])
    ordered = {"personId": world.id["jon"], "organisationId": world.id["identity-provider"]}
    until = at(world.clock.now + timedelta(minutes=10))
    suppression = world.does("suppress-accesses", **world.suppression(**ordered, until=until))
    project()
    assert told(world, "jon") == (1, ["ACCESSES"])
    lifted = {"suppression_id": suppression, "ground": "the inquiry is closed"}
    world.does("lift-suppression", **lifted)
    project()
    assert told(world, "jon")[1].count("KEYS") == 1


def test_what_was_suppressed_is_told_when_its_time_is_over(world: World, project: Any) -> None:
    project()
    ask(world, "query Q($who: ID!) { key(id: $who) { id } }", Role.AGENCY, "identity-provider", who=world.id["kim.eid"])
    ordered = {"personId": world.id["kim"], "organisationId": world.id["identity-provider"]}
    until = world.clock.now + timedelta(minutes=10)
    world.does("suppress-accesses", **world.suppression(**ordered, until=at(until)))
    project()
    assert told(world, "kim") == (0, [])
    world.clock.now = until
    assert told(world, "kim")[1] == ["KEYS"]
