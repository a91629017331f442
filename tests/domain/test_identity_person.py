"""Persons: registered once, by one of three routes, and never with personal data in the event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.identity.person import (
    PERSON,
    PersonRegistered,
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
)
from domain.identity.values import Route
from domain.kernel import (
    Claim,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
    NotAllowed,
    OrganisationFacts,
    PersonalText,
)
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
NUMBER, BIS, BSN = NationalNumber("85073003328"), NationalNumber("85473003317"), NationalNumber("111222333")
WHO: dict[str, Any] = {"at": AT, "person_id": "person-1", "jurisdiction": Jurisdiction.BE}

FROM_REGISTER = RegisterPersonFromNationalRegister(**WHO, by="platform", national_number=NUMBER)
AT_DESK = RegisterPersonByRegistrationAuthority(
    **WHO,
    by="town-1",
    national_number=BIS,
    office_id="office-3",
    officer_id="officer-7",
    authority=OrganisationFacts(organisation_id="town-1", enrolled=True, jurisdiction=Jurisdiction.BE),
)
BY_EIDAS = RegisterPersonByEidas(
    **WHO,
    by="platform",
    member_state="es",
    eidas_identifier="ES/BE/02635542Y",
    level=LevelOfAssurance.SUBSTANTIAL,
)
REGISTERED = PersonRegistered(
    person_id="person-1",
    jurisdiction=Jurisdiction.BE,
    route=Route.NATIONAL_REGISTER,
    registrar_id="platform",
    number=PersonalText(NUMBER),
)


def test_registered_from_the_national_register() -> None:
    given(PERSON).when(FROM_REGISTER).then(REGISTERED)


def test_registered_at_the_desk_of_a_registration_authority_with_office_and_officer() -> None:
    given(PERSON).when(AT_DESK).then(
        replace(
            REGISTERED,
            route=Route.REGISTRATION_AUTHORITY,
            registrar_id="town-1",
            office_id="office-3",
            officer_id="officer-7",
            number=PersonalText(BIS),
        )
    )


def test_registered_by_the_means_of_another_member_state() -> None:
    given(PERSON).when(BY_EIDAS).then(
        replace(
            REGISTERED,
            route=Route.EIDAS,
            member_state="es",
            level=LevelOfAssurance.SUBSTANTIAL,
            number=PersonalText("ES/BE/02635542Y"),
        )
    )


@pytest.mark.parametrize("wish", [FROM_REGISTER, AT_DESK, BY_EIDAS])
def test_a_person_is_registered_once(wish: Any) -> None:
    given(PERSON, REGISTERED).when(wish).refused(Duplicate, "person-exists")


def test_the_number_is_claimed_and_is_personal() -> None:
    for wish, claim in (
        (FROM_REGISTER, Claim("national-number", NUMBER)),
        (AT_DESK, Claim("national-number", BIS)),
        (BY_EIDAS, Claim("eidas-identifier", "ES/BE/02635542Y")),
    ):
        events = PERSON.decide(wish, PERSON.initial)
        assert PERSON.claims(wish, events) == [claim]
        assert [each.number for each in events] == [claim.value]
    assert PERSON.claims(FROM_REGISTER, []) == []


@pytest.mark.parametrize("number", ["", "8507300332", "850730033281", "8507300332x", "\u0668\u06655073003328"])
def test_a_number_has_its_check_digits(number: str) -> None:
    for wish in (FROM_REGISTER, AT_DESK):
        changed = replace(wish, national_number=NationalNumber(number))
        given(PERSON).when(changed).refused(InvalidValue, "invalid-check-digits")


def test_a_belgian_number_has_eleven_digits() -> None:
    given(PERSON).when(replace(FROM_REGISTER, national_number=BSN)).refused(InvalidValue, "wrong-national-number")
    given(PERSON).when(replace(AT_DESK, national_number=BSN)).refused(InvalidValue, "wrong-national-number")


def test_a_dutch_number_has_nine_digits() -> None:
    dutch = replace(FROM_REGISTER, jurisdiction=Jurisdiction.NL, national_number=BSN)
    given(PERSON).when(dutch).then(replace(REGISTERED, jurisdiction=Jurisdiction.NL, number=PersonalText(BSN)))
    given(PERSON).when(replace(dutch, national_number=NUMBER)).refused(InvalidValue, "wrong-national-number")


def test_a_bis_number_belongs_to_the_desk_and_a_register_number_does_not() -> None:
    given(PERSON).when(replace(FROM_REGISTER, national_number=BIS)).refused(InvalidValue, "bis-number")
    given(PERSON).when(replace(AT_DESK, national_number=NUMBER)).refused(InvalidValue, "not-a-bis-number")


def test_only_an_enrolled_authority_registers_at_its_desk_in_its_own_country() -> None:
    unenrolled = replace(AT_DESK.authority, enrolled=False)
    dutch = replace(AT_DESK.authority, jurisdiction=Jurisdiction.NL)
    given(PERSON).when(replace(AT_DESK, authority=unenrolled)).refused(NotAllowed, "not-a-registration-authority")
    given(PERSON).when(replace(AT_DESK, by="another")).refused(NotAllowed, "not-a-registration-authority")
    given(PERSON).when(replace(AT_DESK, authority=dutch)).refused(NotAllowed, "other-jurisdiction")


@pytest.mark.parametrize("wish", [replace(AT_DESK, office_id=" "), replace(AT_DESK, officer_id="")])
def test_the_office_and_the_officer_are_named(wish: RegisterPersonByRegistrationAuthority) -> None:
    given(PERSON).when(wish).refused(InvalidValue, "officer-missing")


@pytest.mark.parametrize("state", ["be", "us", "ES", "", "xx"])
def test_eidas_is_for_another_member_state(state: str) -> None:
    given(PERSON).when(replace(BY_EIDAS, member_state=state)).refused(InvalidValue, "not-another-member-state")


@pytest.mark.parametrize(
    "identifier", ["", "ES/BE/", "ES/NL/1", "FR/BE/1", "es/be/1", "ES/BE/a b", "ES/BE/" + "1" * 241]
)
def test_an_eidas_identifier_says_from_where_to_where(identifier: str) -> None:
    wish = replace(BY_EIDAS, eidas_identifier=identifier)
    given(PERSON).when(wish).refused(InvalidValue, "invalid-eidas-identifier")
