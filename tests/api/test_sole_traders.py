"""Sole traders: the enterprise of one person is a data subject, with its name and letters sealed, and can be erased."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from application.ports import Role
from tests.api.world import SHA256_BASE64URL, Client, InProcess, in_process, organisation
from tests.check_digits import enterprise_number
from tests.waiting import wait_until

NAME, SUBJECT = "Bakkerij An Peeters", "Uw aanslag in de bedrijfsvoorheffing"
ERASURE = {"ground": "objection"}


@pytest.fixture(scope="module")
def platform(
    module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    with in_process(tmp_path_factory.mktemp("traders"), module_database_url, module_keys_url) as platform:
        yield platform


@pytest.fixture(scope="module")
def administrator(platform: InProcess) -> Client:
    return platform.caller(Role.ADMINISTRATOR)


@pytest.fixture(scope="module")
def sender(platform: InProcess, administrator: Client) -> Client:
    organisation_id = administrator.does("/organisations", organisation("sender", 1))["id"]
    sender = platform.caller(Role.AGENCY, organisation_id)
    sender.does(f"/organisations/{organisation_id}/sender-enrolments", {})
    return sender


def trader(serial: int) -> dict[str, Any]:
    return {"traderName": NAME, "enterpriseNumber": enterprise_number(serial), "jurisdiction": "be"}


def letter(to: str) -> dict[str, Any]:
    main = {"mediaType": "application/pdf", "sizeBytes": 9, "sha256": SHA256_BASE64URL, "main": True}
    return {"mailboxId": to, "messageType": "tax_assessment", "subject": SUBJECT, "contents": [main]}


def problem(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def in_log(url: str, *texts: str) -> Mapping[str, int]:
    """Count the events that hold a text in clear."""
    with psycopg.connect(url) as connection:
        counts = [
            connection.execute(
                "SELECT count(*) FROM log.event WHERE position(convert_to(%s, 'UTF8') IN payload) > 0", (text,)
            ).fetchone()
            for text in texts
        ]
    return {text: found[0] for text, found in zip(texts, counts, strict=True) if found is not None}


def test_the_name_of_a_sole_trader_is_sealed_and_their_number_stands_for_it(
    administrator: Client, module_database_url: str
) -> None:
    administrator.does("/sole-traders", trader(2))
    assert in_log(module_database_url, NAME, enterprise_number(2)) == {NAME: 0, enterprise_number(2): 1}


def test_a_sole_trader_is_erased_as_a_person_is(
    administrator: Client, sender: Client, module_database_url: str
) -> None:
    trader_id = administrator.does("/sole-traders", trader(3))["id"]
    sender.does("/messages", letter(trader_id))
    assert in_log(module_database_url, SUBJECT)[SUBJECT] == 0
    administrator.does(f"/persons/{trader_id}/erasure-orders", ERASURE)

    def recorded() -> bool:
        with psycopg.connect(module_database_url) as connection:
            found = connection.execute(
                "SELECT FROM log.event WHERE name = 'erasure.keys-shredded.v1' AND stream = %s",
                (f"erasure-{trader_id}",),
            )
            return found.rowcount == 1

    wait_until(recorded, "the enterprise is not erased")
    for answer in (
        sender.sends("/messages", letter(trader_id)),
        administrator.sends(f"/organisations/{trader_id}/sole-trader-declarations", {"traderName": NAME}),
    ):
        assert problem(answer) == "person-erased"


def test_an_enterprise_can_be_erased_from_when_it_is_declared_a_sole_trader(administrator: Client) -> None:
    private = organisation("bakker", 4) | {"organisationType": "private_organisation"}
    enterprise_id = administrator.does("/organisations", private)["id"]
    order = f"/persons/{enterprise_id}/erasure-orders"
    assert problem(administrator.sends(order, ERASURE)) == "person-not-found"
    administrator.does(f"/organisations/{enterprise_id}/sole-trader-declarations", {"traderName": NAME})
    assert administrator.sends(order, ERASURE).is_success
