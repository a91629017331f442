"""Who a token says calls: by an id of the platform, or by a number of a register (ISO 6523)."""

from __future__ import annotations

from typing import Any

import pytest

from application.ports import Caller, Role
from application.token_refusals import TokenRefusedError
from infrastructure.tokens.callers import FOUND_MAX_AGE_S, NOT_FOUND_MAX_AGE_S, OrganisationDirectory, subject_of
from tests.infrastructure.issuing import Seconds

pytestmark = pytest.mark.anyio

CLAIMS: dict[str, Any] = {"sub": "system-7", "role": "agency"}


def iso(identifier: object, authority: str = "iso6523-actorid-upis") -> dict[str, Any]:
    return {"authority": authority, "ID": identifier}


class Register:
    """What the platform knows; counts how often it was asked."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.asked: list[str] = []

    async def __call__(self, number: str) -> str | None:
        self.asked.append(number)
        return self.known.get(f"n{number}")


async def who(organisations: OrganisationDirectory, **claims: Any) -> Caller:
    return await organisations.caller(subject_of(CLAIMS | claims, "role"))


@pytest.mark.parametrize(
    ("identifier", "organisation_id"),
    [
        ("0208:0203201340", "ghent"),
        ("9956:0203201340", "ghent"),
        ("9925:BE0203201340", "ghent"),
        ("0106:30280353", "utrecht"),
        ("0190:00000001002306608000", "ministry"),
        ("0208:0899999058", "0208-0899999058"),
        ("0192:991825827", "0192-991825827"),
    ],
)
async def test_the_consumer_is_an_organisation_of_the_platform_if_it_is_known(
    identifier: str, organisation_id: str
) -> None:
    register = Register(n0203201340="ghent", n30280353="utrecht", n00000001002306608000="ministry")
    caller = await who(OrganisationDirectory(register), consumer=iso(identifier))
    assert caller == Caller(subject="system-7", role=Role.AGENCY, organisation_id=organisation_id)
    assert caller.acting_id == "system-7"


@pytest.mark.parametrize("supplier", ["software-house", iso("0208:0899999058"), iso("0192:991825827")], ids=str)
async def test_a_supplier_acts_on_behalf_and_is_kept(supplier: Any) -> None:
    organisations = OrganisationDirectory(Register(n0899999058="software-house"))
    caller = await who(organisations, consumer=iso("0208:0203201340"), supplier=supplier)
    assert caller.organisation_id == "0208-0203201340"
    assert caller.supplier_id in {"software-house", "0192-991825827"}
    assert caller.acting_id == f"system-7 via {caller.supplier_id}"


@pytest.mark.parametrize(
    ("claim", "scopes"),
    [("", set()), ("graphql:ad-hoc", {"graphql:ad-hoc"}), ("a graphql:ad-hoc a", {"a", "graphql:ad-hoc"})],
)
async def test_scopes_are_what_the_issuer_granted(claim: str, scopes: set[str]) -> None:
    caller = await who(OrganisationDirectory(), organisation="a", scope=claim)
    assert caller.scopes == scopes
    assert (await who(OrganisationDirectory(), organisation="a")).scopes == set()


async def test_the_register_is_asked_once_in_a_while() -> None:
    seconds, register = Seconds(), Register(n0203201340="ghent")
    organisations = OrganisationDirectory(register, seconds)
    for number, wait_s in (("0203201340", FOUND_MAX_AGE_S), ("0899999058", NOT_FOUND_MAX_AGE_S)):
        register.asked.clear()
        for _ in range(5):
            await who(organisations, consumer=iso(f"0208:{number}"))
        assert register.asked == [number]
        seconds.now += wait_s
        await who(organisations, consumer=iso(f"0208:{number}"))
        assert register.asked == [number, number]


async def test_no_more_numbers_are_remembered_than_the_bound() -> None:
    organisations = OrganisationDirectory(Register(), max_cached=2)
    for number in range(5):
        await who(organisations, consumer=iso(f"0106:{number:08}"))
    assert len(organisations._known) == 2  # noqa: SLF001 - what is kept shows nowhere else


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"organisation": "a", "consumer": iso("0208:0203201340")},
        {"consumer": "ghent"},
        {"consumer": None},
        {"consumer": {}},
        {"consumer": [iso("0208:0203201340")]},
        {"consumer": iso("0208:0203201340", "another-authority")},
        {"consumer": iso(7)},
        {"consumer": iso(None)},
        {"consumer": iso("0203201340")},
        {"consumer": iso("0208:")},
        {"consumer": iso("0208:203201340")},
        {"consumer": iso("9925:0203201340")},
        {"consumer": iso("0106:3028035x")},
        {"consumer": iso("0190:1")},
        {"consumer": iso("0208:0203201340\n")},
        {"consumer": iso("0192:a b")},
        {"consumer": iso("0192:" + "9" * 61)},
        {"organisation": iso("0208:0203201340") | {"authority": 7}},
        {"organisation": "a", "supplier": ""},
        {"organisation": "a", "supplier": None},
        {"organisation": "a", "supplier": 7},
        {"organisation": "a", "role": "emperor"},
        {"organisation": "a", "scope": None},
        {"organisation": "a", "scope": ["graphql:ad-hoc"]},
        {"organisation": "a", "scope": "graphql:ad-hoc "},
        {"organisation": "a", "scope": 'quoted"'},
        {"organisation": "a", "scope": "ë"},
    ],
    ids=str,
)
async def test_whoever_is_not_named_in_one_way_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenRefusedError):
        await who(OrganisationDirectory(), **claims)


async def test_the_role_stands_where_the_setting_says() -> None:
    claims = {"sub": "system-7", "organisation": "a", "https://kroniek.example/role": "auditor", "role": "system"}
    assert subject_of(claims, "https://kroniek.example/role").caller.role is Role.AUDITOR
