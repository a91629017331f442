"""Role x command x organisation, generated from the table of rights: every cell, and a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from api.rights.relations import Relation
from application.ports import Role
from tests.api.world import (
    DOOR,
    ORGANISATIONS,
    PLATFORM,
    RECOGNISED,
    SENDERS,
    Request,
    World,
    documented,
    must_be_refused,
    problem_code,
)
from tests.check_digits import national_number

# The stranger is enrolled in every role and the outsider in none; neither owns anything that the examples are about.
STRANGER, OUTSIDER = "stranger", "outsider"
CELLS = [(intent, role) for intent in DOOR for role in Role]
LET_IN = [(intent, role) for intent, role in CELLS if role in DOOR[intent].right]
KEPT_OUT = [cell for cell in CELLS if cell not in LET_IN]
KEPT_TO_SOME = [(intent, role) for intent, role in LET_IN if DOOR[intent].right[role].refusal]

# Which organisations of the world are enrolled, where one of many may do what an example does.
ENROLLED = {
    Relation.SERVICE_PROVIDER: {it for it, roles in ORGANISATIONS.items() if "service_provider" in roles},
    Relation.REGISTRATION_AUTHORITY: {it for it, roles in ORGANISATIONS.items() if "registration_authority" in roles},
    Relation.IDENTITY_PROVIDER: set(RECOGNISED),
    Relation.MAILBOX_PROVIDER: {it for it, roles in ORGANISATIONS.items() if "mailbox_provider" in roles},
    Relation.SENDER: set(SENDERS),
    Relation.BUS_MEMBER: {it for it, roles in ORGANISATIONS.items() if "bus_member" in roles},
}

# Some commands are there for several roles, and can be sent once only with the same content.
OF_ITS_OWN: Mapping[str, Mapping[Role, Mapping[str, Any]]] = {
    "register-person-from-national-register": {
        Role.ADMINISTRATOR: {"nationalNumber": national_number(601)},
        Role.SYSTEM: {"nationalNumber": national_number(602)},
    },
    "register-person-by-eidas": {
        Role.ADMINISTRATOR: {"eidasIdentifier": "ES/BE/601"},
        Role.SYSTEM: {"eidasIdentifier": "ES/BE/602"},
    },
    "receive-invoice": {Role.AGENCY: {"number": "F-agency"}, Role.SYSTEM: {"number": "F-system"}},
}


def relation_of(intent: str, role: Role) -> Relation:
    return DOOR[intent].right[role]


@pytest.fixture
def example(intent: str, role: Role, example_of: dict[str, Request]) -> Request:
    return replace(example_of[intent], role=role)


# --- The table ------------------------------------------------------------------------------------------------------


def test_every_cell_is_tested() -> None:
    assert len(LET_IN) + len(KEPT_OUT) == len(DOOR) * len(Role)
    assert sum(len(route.right) for route in DOOR.values()) == len(LET_IN)
    assert all(route.right for route in DOOR.values())


def test_every_relation_is_explained_and_its_refusal_is_documented() -> None:
    assert {documented()[relation.refusal] for relation in Relation if relation.refusal} == {403}
    assert {relation for route in DOOR.values() for relation in route.right.values()} == set(Relation)
    assert ENROLLED.keys() == {relation for relation in Relation if relation.by_enrolment}


def test_an_organisation_is_not_looked_at_only_where_the_platform_acts_or_anybody_may() -> None:
    """What agencies may do is kept to some of them, with one exception that is meant."""
    for_all = {intent for intent, role in LET_IN if (intent, role) not in KEPT_TO_SOME and role is Role.AGENCY}
    assert for_all == {"receive-invoice"}


# --- Refused --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("intent", "role"), KEPT_OUT)
def test_a_role_that_is_not_let_in_is_refused(world: World, example: Request) -> None:
    for organisation in dict.fromkeys((example.organisation, STRANGER, PLATFORM)):
        answer = world.sends(replace(example, organisation=organisation))
        must_be_refused(answer, 403, "role-not-allowed", dict(example.body))


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("intent", "role"), KEPT_TO_SOME)
def test_an_organisation_in_another_relation_is_refused_as_the_table_says(
    intent: str, role: Role, world: World, example: Request
) -> None:
    relation = relation_of(intent, role)
    other = OUTSIDER if relation.by_enrolment else STRANGER
    must_be_refused(world.sends(replace(example, organisation=other)), 403, relation.refusal, dict(example.body))


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("intent", "role"), KEPT_TO_SOME)
def test_every_other_organisation_is_refused(intent: str, role: Role, world: World, example: Request) -> None:
    world.id.setdefault("unregistered", "no-such-organisation")
    may = {example.organisation} | ENROLLED.get(relation_of(intent, role), set())
    for other in sorted({*ORGANISATIONS, PLATFORM, "unregistered"} - may):
        answer = world.sends(replace(example, organisation=other))
        assert (answer.status_code, documented()[problem_code(answer)]) == (403, 403), (other, answer.text)


# --- Let in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("intent", "role"), LET_IN)
def test_a_role_is_let_in_for_an_organisation_in_the_relation(
    intent: str, role: Role, world: World, example: Request
) -> None:
    """Where the organisation does not count, for one that owns nothing and is nothing here."""
    before = world.holdings()[0]
    organisation = example.organisation if relation_of(intent, role).refusal else OUTSIDER
    own = OF_ITS_OWN[intent][role] if intent in OF_ITS_OWN else {}
    answer = world.sends(replace(example, organisation=organisation), body={**example.body, **own})
    assert answer.is_success, answer.text
    assert answer.json()["position"] == world.holdings()[0] > before


def test_where_many_roles_are_let_in_each_says_something_of_its_own() -> None:
    several = {door.intent: door.right.keys() for door in DOOR.values() if len(door.right) > 1}
    assert {intent: said.keys() for intent, said in OF_ITS_OWN.items()} == several
