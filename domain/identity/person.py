"""A person: registered through the national register, by a Local Registration Authority, or by eIDAS.

The number is personal data, sealed in the log. It is also claimed, so that a person is registered once: of that the log
keeps a keyed hash. Sources: Belgian law of 8 August 1983 (national register), law of 15 January 1990 (bis numbers),
Regulation (EU) 910/2014 and Implementing Regulation (EU) 2015/1501 (eIDAS, the form of the identifier).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, ClassVar

from domain.identity.values import Route
from domain.kernel import (
    Claim,
    CommandBase,
    Decider,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
    NotAllowed,
    OrganisationFacts,
    PersonalText,
    PurposeGroup,
    fact,
    personal,
)
from domain.kernel.instants import civil_day
from domain.kernel.kinds import ID_PATTERN, Kind, one_of, written
from domain.kernel.national_numbers import check_national_number, check_number_in, is_bis_number

# --- Values ---------------------------------------------------------------------------------------------------------

EIDAS_STATES = frozenset(
    (  # the member states of the European Economic Area, ISO 3166-1
        *("at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie"),
        *("is", "it", "li", "lt", "lu", "lv", "mt", "nl", "no", "pl", "pt", "ro", "se", "si", "sk"),
    )
)
_EIDAS_IDENTIFIER = re.compile(r"([A-Z]{2})/([A-Z]{2})/[!-~]{1,240}")


def check_eidas(identifier: str, member_state: str, jurisdiction: Jurisdiction) -> None:
    """Refuse an identifier that no other state gave for this country; a right one is `ES/BE/12345`."""
    match = _EIDAS_IDENTIFIER.fullmatch(identifier)
    another = member_state in EIDAS_STATES and member_state != jurisdiction.value
    if match is None or not another or match.groups() != (member_state.upper(), jurisdiction.value.upper()):
        raise InvalidValue("invalid-eidas-identifier", "The eIDAS identifier must read like ES/BE/12345.")


MemberState = Annotated[
    str, one_of(EIDAS_STATES, "not-another-member-state", "eIDAS is for the means of another European state.")
]
EidasIdentifier = Annotated[str, Kind(lambda _identifier: None)]
Pseudonym = Annotated[
    str, written(ID_PATTERN, "officer-missing", "The office and the officer who checked the identity must be named.")
]


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRegistered:
    """`number` is the national number or, with `member_state`, the eIDAS identifier of the person.

    `office_id` and `officer_id` are pseudonyms, for a registration authority.
    """

    person_id: str
    jurisdiction: Jurisdiction
    route: Route
    registrar_id: str
    office_id: Pseudonym = ""
    officer_id: Pseudonym = ""
    member_state: MemberState = ""
    level: LevelOfAssurance | None = None
    number: Annotated[PersonalText, Kind(lambda _number: None)] = personal(
        "person_id", PurposeGroup.IDENTIFICATION, default=PersonalText("")
    )

    def check_whole(self, at: datetime) -> None:
        if self.member_state:
            check_eidas(self.number, self.member_state, self.jurisdiction)
        elif self.number:
            check_national_number(self.number)
            check_number_in(self.number, self.jurisdiction, civil_day(at))


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "person-registration"
    person_id: str
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPersonFromNationalRegister(PersonCommand):
    national_number: NationalNumber

    def check_whole(self, at: datetime) -> None:
        check_number_in(self.national_number, self.jurisdiction, civil_day(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPersonByRegistrationAuthority(PersonCommand):
    """A person without an eID identifies at a desk; in Belgium with a bis number."""

    national_number: NationalNumber
    office_id: Pseudonym
    officer_id: Pseudonym
    authority: OrganisationFacts = fact(OrganisationFacts())

    def check_whole(self, at: datetime) -> None:
        check_number_in(self.national_number, self.jurisdiction, civil_day(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPersonByEidas(PersonCommand):
    """`member_state` is ISO 3166-1 in lower case; `eidas_identifier` is like `ES/BE/12345`: from, to, identifier."""

    member_state: MemberState
    eidas_identifier: EidasIdentifier
    level: LevelOfAssurance

    def check_whole(self, _at: datetime) -> None:
        if self.member_state == self.jurisdiction.value:
            raise InvalidValue("not-another-member-state", "eIDAS is for the means of another European state.")
        check_eidas(self.eidas_identifier, self.member_state, self.jurisdiction)


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    exists: bool = False
    jurisdiction: Jurisdiction = Jurisdiction.BE
    route: Route | None = None


# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_be_new(_command: PersonCommand, state: Person) -> None:
    if state.exists:
        raise Duplicate("person-exists", "There is a person with this id already.")


def _from_national_register(command: RegisterPersonFromNationalRegister, _state: Person) -> Sequence[PersonRegistered]:
    if command.jurisdiction is Jurisdiction.BE and is_bis_number(command.national_number):
        raise InvalidValue("bis-number", "A bis number does not stand in the national register.")
    return [_registered(command, Route.NATIONAL_REGISTER, command.national_number)]


def _by_registration_authority(
    command: RegisterPersonByRegistrationAuthority, _state: Person
) -> Sequence[PersonRegistered]:
    authority = command.authority
    if not authority.enrolled or authority.organisation_id != command.by:
        raise NotAllowed("not-a-registration-authority", "This organisation is not a Local Registration Authority.")
    if authority.jurisdiction is not command.jurisdiction:
        raise NotAllowed("other-jurisdiction", "A registration authority registers persons in its own country only.")
    if command.jurisdiction is Jurisdiction.BE and not is_bis_number(command.national_number):
        raise InvalidValue("not-a-bis-number", "A person who is registered at a desk has a bis number.")
    registered = _registered(command, Route.REGISTRATION_AUTHORITY, command.national_number)
    return [replace(registered, office_id=command.office_id, officer_id=command.officer_id)]


def _by_eidas(command: RegisterPersonByEidas, _state: Person) -> Sequence[PersonRegistered]:
    registered = _registered(command, Route.EIDAS, command.eidas_identifier)
    return [replace(registered, member_state=command.member_state, level=command.level)]


def _registered(command: PersonCommand, route: Route, number: str) -> PersonRegistered:
    return PersonRegistered(
        person_id=command.person_id,
        jurisdiction=command.jurisdiction,
        route=route,
        registrar_id=command.by,
        number=PersonalText(number),
    )


def evolve(_state: Person, event: PersonRegistered) -> Person:
    return Person(exists=True, jurisdiction=event.jurisdiction, route=event.route)


def _claims(_command: PersonCommand, events: Sequence[PersonRegistered]) -> Sequence[Claim]:
    return [
        Claim("eidas-identifier", event.number) if event.member_state else Claim("national-number", event.number)
        for event in events
    ]


PERSON: Decider[PersonCommand, Person, PersonRegistered] = Decider(
    category="person",
    key=("person_id",),
    initial=Person(),
    guard=_must_be_new,
    rules={
        RegisterPersonFromNationalRegister: _from_national_register,
        RegisterPersonByRegistrationAuthority: _by_registration_authority,
        RegisterPersonByEidas: _by_eidas,
    },
    evolve=evolve,
    events={"identity.person-registered.v1": PersonRegistered},
    claims=_claims,
)
