"""Facts for organisations and identity: what the readers tell the rules about other streams, and who acts for whom."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.facts.identity import mandate_in_force
from application.registry import READERS
from domain.identity.key import ActivateKey, ExpireKey, RegisterKey, SuspendKey
from domain.identity.mandate.model import (
    AcceptMandate,
    ConfirmMandate,
    ExpireMandate,
    MandateConfirmed,
    MandateRequested,
    RequestMandate,
    SuspendMandate,
)
from domain.identity.person import RegisterPersonByRegistrationAuthority, RegisterPersonFromNationalRegister
from domain.identity.session import (
    AccessService,
    AuthenticationRefused,
    AuthenticationSucceeded,
    EndSession,
    OpenSession,
    ServiceAccessed,
    ServiceAccessRefused,
)
from domain.identity.values import Channel, MandateKind, Means, PartyKind, Reason
from domain.kernel import (
    Audience,
    Command,
    EnterpriseNumber,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
    NotFound,
    Refusal,
)
from domain.organisations.organisation.model import (
    EnrolOrganisation,
    GrantRecognition,
    RegisterOrganisation,
    RequestRecognition,
    SuspendRecognition,
)
from domain.organisations.service import CloseService, RegisterService
from domain.organisations.service_family import RegisterServiceFamily
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from tests.application.memory_known import DECIDERS, MemoryKnown
from tests.check_digits import enterprise_number

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
END = AT + timedelta(days=30)
ISSUER, CITY, FIRM = "provider-1", "city-1", "firm-1"
ANNA, BOB, CARL = "person-a", "person-b", "person-c"
TAX, CARE = "service-tax", "service-care"
HIGH, BE = LevelOfAssurance.HIGH, Jurisdiction.BE


def _organisation(organisation_id: str, number: int) -> Command:
    return RegisterOrganisation(
        at=AT,
        by="platform",
        organisation_id=organisation_id,
        names=Names(nl=organisation_id),
        organisation_type=OrganisationType.MUNICIPALITY,
        level=Level.LOCAL,
        enterprise_number=EnterpriseNumber(enterprise_number(number)),
        jurisdiction=BE,
    )


def _enrol(enrolment: Enrolment) -> Command:
    return EnrolOrganisation(at=AT, by="platform", organisation_id=CITY, enrolment=enrolment)


def _service(service_id: str, minimum_level: LevelOfAssurance) -> RegisterService:
    return RegisterService(
        at=AT,
        by=CITY,
        service_id=service_id,
        names=Names(nl=service_id),
        audience=Audience.CITIZEN,
        minimum_level=minimum_level,
    )


def _person(person_id: str) -> tuple[Command, ...]:
    """A person with an active eID and an open session at the tax service."""
    frame: dict[str, Any] = {"at": AT, "by": ISSUER, "key_id": f"key-{person_id}"}
    return (
        RegisterPersonFromNationalRegister(
            at=AT, by="platform", person_id=person_id, jurisdiction=BE, national_number=NationalNumber("85073003328")
        ),
        RegisterKey(**frame, person_id=person_id, means=Means.EID, level=HIGH, valid_until=END),
        ActivateKey(**frame),
        _open(person_id),
    )


def _open(person_id: str, session_id: str = "", level: LevelOfAssurance = HIGH) -> OpenSession:
    return OpenSession(
        at=AT,
        by=ISSUER,
        session_id=session_id or f"session-{person_id}",
        key_id=f"key-{person_id}",
        service_id=TAX,
        level=level,
        channel=Channel.WEB,
    )


def _request(mandate_id: str, giver: str, receiver: str, **more: Any) -> RequestMandate:
    terms: dict[str, Any] = {
        "kind": MandateKind.VOLUNTARY,
        "mandator_kind": PartyKind.PERSON,
        "service_ids": (TAX,),
        "session_id": f"session-{giver}",
        "valid_from": AT,
        "valid_until": END,
        **more,
    }
    return RequestMandate(at=AT, by=CITY, mandate_id=mandate_id, mandator_id=giver, mandatary_id=receiver, **terms)


def _accept(mandate_id: str, person_id: str) -> AcceptMandate:
    return AcceptMandate(at=AT, by=CITY, mandate_id=mandate_id, session_id=f"session-{person_id}")


SUSPEND_ISSUER = SuspendRecognition(at=AT, by="platform", organisation_id=ISSUER, reason="audit")
SUSPEND_KEY = SuspendKey(at=AT, by=ISSUER, key_id=f"key-{ANNA}")
ACCESS = AccessService(at=AT, by=ISSUER, session_id=f"session-{ANNA}", service_id=CARE)


@pytest.fixture
def known() -> MemoryKnown:
    memory = MemoryKnown()
    beginning = (
        *(_organisation(name, number) for number, name in enumerate((ISSUER, CITY, FIRM))),
        _enrol(Enrolment.SERVICE_PROVIDER),
        _enrol(Enrolment.REGISTRATION_AUTHORITY),
        RequestRecognition(at=AT, by=ISSUER, organisation_id=ISSUER),
        GrantRecognition(at=AT, by="platform", organisation_id=ISSUER, conditions_version="1", checked_by="officer"),
        _service(TAX, LevelOfAssurance.SUBSTANTIAL),
        _service(CARE, HIGH),
        *(command for person_id in (ANNA, BOB, CARL) for command in _person(person_id)),
    )
    for command in beginning:
        assert memory.carry_out(command)
    return memory


def refused(known: MemoryKnown, command: Command) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        known.carry_out(command)
    return refusal.value


# --- Organisations --------------------------------------------------------------------------------------------------


def test_a_service_needs_an_enrolled_provider_and_a_source_needs_its_keeper(known: MemoryKnown) -> None:
    assert refused(known, replace(_service("service-3", HIGH), by=FIRM)).code == "not-a-service-provider"
    family = RegisterServiceFamily(
        at=AT, by="platform", code="person", names=Names(nl="x"), authentic_source_id="nothing"
    )
    assert refused(known, family).code == "organisation-not-found"
    assert known.carry_out(replace(family, authentic_source_id=CITY))
    assert known.carry_out(replace(family, code="vehicle", authentic_source_id=""))


# --- Authentication -------------------------------------------------------------------------------------------------


def test_an_authentication_names_person_service_and_organisation(known: MemoryKnown) -> None:
    (event,) = known.carry_out(_open(ANNA, "session-2"))
    assert isinstance(event, AuthenticationSucceeded)
    assert (event.person_id, event.organisation_id, event.means) == (ANNA, CITY, Means.EID)
    informed = known.inform(_open(ANNA, "session-3"))
    assert (informed.acting_id, informed.subject_id) == (ANNA, ANNA)


@pytest.mark.parametrize(
    ("before", "wish", "reason"),
    [
        (SUSPEND_KEY, _open(ANNA, "session-2"), Reason.KEY_NOT_ACTIVE),
        (SUSPEND_ISSUER, _open(ANNA, "session-2"), Reason.PROVIDER_NOT_RECOGNISED),
        (CloseService(at=AT, by=CITY, service_id=TAX), _open(ANNA, "session-2"), Reason.SERVICE_CLOSED),
        (None, _open(ANNA, "session-2", LevelOfAssurance.LOW), Reason.LEVEL_TOO_LOW),
        (None, replace(_open(ANNA, "session-2"), at=END), Reason.KEY_NOT_ACTIVE),
    ],
)
def test_what_refuses_an_authentication(
    known: MemoryKnown, before: Command | None, wish: OpenSession, reason: Reason
) -> None:
    if before is not None:
        known.carry_out(before)
    (event,) = known.carry_out(wish)
    assert isinstance(event, AuthenticationRefused)
    assert event.reason is reason


def test_single_sign_on_looks_at_the_key_and_the_provider_again(known: MemoryKnown) -> None:
    (accessed,) = known.carry_out(replace(ACCESS, session_id=f"session-{BOB}"))
    assert isinstance(accessed, ServiceAccessed)
    known.carry_out(SUSPEND_KEY)
    (key_suspended,) = known.carry_out(ACCESS)
    known.carry_out(SUSPEND_ISSUER)
    (issuer_suspended,) = known.carry_out(replace(ACCESS, session_id=f"session-{CARL}"))
    assert isinstance(key_suspended, ServiceAccessRefused)
    assert isinstance(issuer_suspended, ServiceAccessRefused)
    assert (key_suspended.reason, issuer_suspended.reason) == (Reason.KEY_NOT_ACTIVE, Reason.PROVIDER_NOT_RECOGNISED)


def test_unknown_keys_services_and_sessions_are_not_found(known: MemoryKnown) -> None:
    unknown = (
        replace(_open(ANNA, "session-2"), key_id="nothing"),
        replace(_open(ANNA, "session-2"), service_id="nothing"),
        replace(ACCESS, session_id="nothing"),
        EndSession(at=AT, by=ISSUER, session_id="nothing"),
        ExpireKey(at=AT, by="platform", key_id="nothing"),
        ExpireMandate(at=AT, by="platform", mandate_id="nothing"),
    )
    assert all(isinstance(refused(known, wish), NotFound) for wish in unknown)


def test_an_officer_acts_for_the_person_at_a_desk(known: MemoryKnown) -> None:
    informed = known.inform(
        RegisterPersonByRegistrationAuthority(
            at=AT,
            by=CITY,
            person_id="person-d",
            jurisdiction=BE,
            national_number=NationalNumber("85473003317"),
            office_id="office",
            officer_id="officer-7",
        )
    )
    assert (informed.acting_id, informed.subject_id) == ("officer-7", "person-d")
    assert informed.command.authority.enrolled


# --- Mandates -------------------------------------------------------------------------------------------------------


def test_a_mandate_given_and_accepted_is_in_force_at_its_services(known: MemoryKnown) -> None:
    (requested,) = known.carry_out(_request("mandate-1", ANNA, BOB))
    assert isinstance(requested, MandateRequested)
    assert requested.terms.services[0].organisation_id == CITY
    assert mandate_in_force(known, "mandate-1", mandatary_id=BOB, organisation_id=CITY, at=AT) is None
    known.carry_out(_accept("mandate-1", BOB))
    assert mandate_in_force(known, "mandate-1", mandatary_id=BOB, organisation_id=CITY, at=AT) is not None
    assert mandate_in_force(known, "mandate-1", mandatary_id=BOB, organisation_id=FIRM, at=AT) is None
    assert mandate_in_force(known, "", mandatary_id=BOB, organisation_id=CITY, at=AT) is None


def test_parties_and_services_must_exist(known: MemoryKnown) -> None:
    for wish, code in (
        (_request("mandate-1", ANNA, "nobody"), "mandatary-not-found"),
        (replace(_request("mandate-1", ANNA, BOB), mandator_id="nobody"), "mandator-not-found"),
        (_request("mandate-1", ANNA, BOB, mandator_kind=PartyKind.ENTERPRISE), "mandator-not-found"),
        (_request("mandate-1", ANNA, BOB, service_ids=(TAX, "nothing")), "service-not-found"),
    ):
        assert refused(known, wish).code == code


def test_a_session_elsewhere_or_over_shows_nobody(known: MemoryKnown) -> None:
    wish = _request("mandate-1", ANNA, BOB)
    assert refused(known, replace(wish, by=FIRM)).code == "no-session-at-caller"
    known.carry_out(EndSession(at=AT, by=ISSUER, session_id=f"session-{ANNA}"))
    assert refused(known, wish).code == "no-session-at-caller"


def _direct(known: MemoryKnown) -> None:
    """Bob becomes the legal representative of the firm, confirmed by the city."""
    known.carry_out(
        _request(
            "mandate-law",
            FIRM,
            BOB,
            kind=MandateKind.LEGAL_REPRESENTATION,
            mandator_kind=PartyKind.ENTERPRISE,
            service_ids=(),
            session_id=f"session-{BOB}",
        )
    )
    (event,) = known.carry_out(ConfirmMandate(at=AT, by=CITY, mandate_id="mandate-law", ground="register-entry-12"))
    assert isinstance(event, MandateConfirmed)


def test_a_director_gives_a_mandate_in_the_name_of_the_firm(known: MemoryKnown) -> None:
    _direct(known)
    wish = _request(
        "mandate-2",
        FIRM,
        CARL,
        mandator_kind=PartyKind.ENTERPRISE,
        session_id=f"session-{BOB}",
        acting_mandate_id="mandate-law",
    )
    informed = known.inform(wish)
    assert (informed.acting_id, informed.subject_id, informed.mandate_id) == (BOB, FIRM, "mandate-law")
    (event,) = known.carry_out(wish)
    assert (event.act.acting_person_id, event.act.acting_mandate_id) == (BOB, "mandate-law")


def test_a_voluntary_mandate_does_not_let_its_mandatary_give_mandates(known: MemoryKnown) -> None:
    known.carry_out(_request("mandate-1", ANNA, BOB))
    known.carry_out(_accept("mandate-1", BOB))
    wish = _request("mandate-2", ANNA, CARL, session_id=f"session-{BOB}", acting_mandate_id="mandate-1")
    assert refused(known, wish).code == "not-a-party"


def test_a_firm_passes_a_mandate_on_and_the_chain_falls_with_its_parent(known: MemoryKnown) -> None:
    _direct(known)
    known.carry_out(_request("mandate-1", ANNA, FIRM))
    for_firm: dict[str, Any] = {"session_id": f"session-{BOB}", "acting_mandate_id": "mandate-law"}
    pass_on = _request("mandate-2", ANNA, CARL, kind=MandateKind.CHAIN, parent_mandate_id="mandate-1", **for_firm)
    assert refused(known, pass_on).code == "parent-mandate-not-in-force"
    known.carry_out(replace(_accept("mandate-1", BOB), **for_firm))
    known.carry_out(pass_on)
    known.carry_out(_accept("mandate-2", CARL))
    assert mandate_in_force(known, "mandate-2", mandatary_id=CARL, organisation_id=CITY, at=AT) is not None
    known.carry_out(SuspendMandate(at=AT, by=CITY, mandate_id="mandate-1", session_id=f"session-{ANNA}"))
    assert mandate_in_force(known, "mandate-2", mandatary_id=CARL, organisation_id=CITY, at=AT) is None


def test_every_command_with_facts_has_a_reader() -> None:
    with_facts = {command for command in DECIDERS if any(field.metadata.get("fact") for field in fields(command))}
    assert with_facts <= set(READERS)
