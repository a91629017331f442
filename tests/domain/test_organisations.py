"""Organisations: registered once, enrolled in roles, recognised as identity providers, with services and families."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.kernel import (
    Audience,
    Claim,
    Duplicate,
    EnterpriseNumber,
    InvalidValue,
    Jurisdiction,
    LevelOfAssurance,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    PersonalText,
    RuleBroken,
)
from domain.organisations.organisation.model import (
    ChangeDoubleChannel,
    DeclareSoleTrader,
    DoubleChannelChanged,
    EndEnrolment,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolmentEnded,
    EnrolOrganisation,
    GrantRecognition,
    OrganisationEnrolled,
    OrganisationRegistered,
    OrganisationRenamed,
    RecognitionGranted,
    RecognitionRequested,
    RecognitionSuspended,
    RecognitionWithdrawn,
    RegisterOrganisation,
    RegisterSoleTrader,
    RenameOrganisation,
    RequestRecognition,
    SoleTraderDeclared,
    SuspendRecognition,
    WithdrawRecognition,
    holds,
    recognised,
)
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import (
    SERVICE,
    CloseService,
    RegisterService,
    ServiceClosed,
    ServiceRegistered,
)
from domain.organisations.service_family import SERVICE_FAMILY, RegisterServiceFamily, ServiceFamilyRegistered
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
PLATFORM, CITY, NUMBER = "platform", "organisation-1", EnterpriseNumber("0207437468")
NAMES = Names(nl="Stad Voorbeeld", fr="Ville d'Exemple")
BY_PLATFORM: dict[str, Any] = {"at": AT, "by": PLATFORM, "organisation_id": CITY}
BY_ITSELF: dict[str, Any] = {"at": AT, "by": CITY, "organisation_id": CITY}
KIND: dict[str, Any] = {
    "organisation_type": OrganisationType.MUNICIPALITY,
    "level": Level.LOCAL,
    "jurisdiction": Jurisdiction.BE,
    "outside_government": False,
}

REGISTER = RegisterOrganisation(**BY_PLATFORM, **KIND, names=NAMES, enterprise_number=NUMBER)
REGISTERED = OrganisationRegistered(organisation_id=CITY, **KIND, names=NAMES, enterprise_number=NUMBER)
ENROL = EnrolOrganisation(**BY_PLATFORM, enrolment=Enrolment.BUS_MEMBER)
ENROLLED = OrganisationEnrolled(
    organisation_id=CITY,
    **KIND,
    enrolment=Enrolment.BUS_MEMBER,
    enrolment_number=1,
    double_channel_until=None,
)
END = EndEnrolment(**BY_PLATFORM, enrolment=Enrolment.BUS_MEMBER)
ENDED = EnrolmentEnded(
    organisation_id=CITY, enrolment=Enrolment.BUS_MEMBER, enrolment_number=1, jurisdiction=Jurisdiction.BE
)
UNTIL = date(2022, 6, 30)
BECOME_SENDER = EnrolAsSender(**BY_ITSELF, double_channel_until=UNTIL)
SENDER = replace(ENROLLED, enrolment=Enrolment.MAILBOX_SENDER, double_channel_until=UNTIL)
SENDER_ENDED = replace(ENDED, enrolment=Enrolment.MAILBOX_SENDER)
CHANGE_CHANNEL = ChangeDoubleChannel(**BY_ITSELF, double_channel_until=None)
CHANNEL_CHANGED = DoubleChannelChanged(organisation_id=CITY, enrolment_number=1, double_channel_until=None)

APPLY = RequestRecognition(**BY_ITSELF)
GRANT = GrantRecognition(**BY_PLATFORM, conditions_version="2017-2", checked_by="officer-7")
SUSPEND = SuspendRecognition(**BY_PLATFORM, reason="audit-finding-12")
WITHDRAW = WithdrawRecognition(**BY_PLATFORM, reason="audit-finding-12")
APPLIED = RecognitionRequested(organisation_id=CITY, jurisdiction=Jurisdiction.BE)
GRANTED = RecognitionGranted(
    organisation_id=CITY, jurisdiction=Jurisdiction.BE, conditions_version="2017-2", checked_by="officer-7"
)
SUSPENDED = RecognitionSuspended(organisation_id=CITY, jurisdiction=Jurisdiction.BE, reason="audit-finding-12")
WITHDRAWN = RecognitionWithdrawn(organisation_id=CITY, jurisdiction=Jurisdiction.BE, reason="audit-finding-12")
PROVIDER = replace(ENROLLED, enrolment=Enrolment.IDENTITY_PROVIDER)
PROVIDER_ENDED = replace(ENDED, enrolment=Enrolment.IDENTITY_PROVIDER)
RECOGNISED = (REGISTERED, APPLIED, GRANTED, PROVIDER)


# --- Registration ---------------------------------------------------------------------------------------------------


def test_an_organisation_is_registered_once_and_its_number_is_claimed() -> None:
    given(ORGANISATION).when(REGISTER).then(REGISTERED)
    given(ORGANISATION, REGISTERED).when(REGISTER).refused(Duplicate, "organisation-exists")
    assert ORGANISATION.claims(REGISTER, [REGISTERED]) == [Claim("enterprise-number", NUMBER)]
    assert ORGANISATION.claims(ENROL, [ENROLLED]) == []


@pytest.mark.parametrize(
    ("jurisdiction", "number", "right"),
    [
        (Jurisdiction.BE, "0207437468", True),
        (Jurisdiction.BE, "12345678", False),
        (Jurisdiction.NL, "12345678", True),
        (Jurisdiction.NL, "00000001234567890000", True),
        (Jurisdiction.NL, "0207437468", False),
        (Jurisdiction.BE, "020743746x", False),
        (Jurisdiction.BE, "\u0660207437468", False),
    ],
)
def test_the_number_is_of_the_jurisdictions_kind(jurisdiction: Jurisdiction, number: str, *, right: bool) -> None:
    wish = replace(REGISTER, jurisdiction=jurisdiction, enterprise_number=EnterpriseNumber(number))
    if right:
        expected = replace(REGISTERED, jurisdiction=jurisdiction, enterprise_number=EnterpriseNumber(number))
        given(ORGANISATION).when(wish).then(expected)
    else:
        code = "wrong-enterprise-number" if number.isascii() and number.isdigit() else "invalid-check-digits"
        given(ORGANISATION).when(wish).refused(InvalidValue, code)


def test_a_name_is_needed_in_one_language_and_has_a_bound() -> None:
    given(ORGANISATION).when(replace(REGISTER, names=Names(nl=" "))).refused(InvalidValue, "name-missing")
    given(ORGANISATION).when(replace(REGISTER, names=Names(de="x" * 201))).refused(InvalidValue, "name-too-long")


def test_a_missing_language_falls_back_to_a_known_one() -> None:
    assert (NAMES.in_language("fr"), NAMES.in_language("de")) == ("Ville d'Exemple", "Stad Voorbeeld")


def test_renamed_once_for_one_wish() -> None:
    rename = RenameOrganisation(**BY_PLATFORM, names=Names(nl="Stad Nieuw"))
    renamed = OrganisationRenamed(organisation_id=CITY, names=Names(nl="Stad Nieuw"))
    given(ORGANISATION, REGISTERED).when(rename).then(renamed)
    given(ORGANISATION, REGISTERED, renamed).when(rename).then()
    given(ORGANISATION, REGISTERED).when(replace(rename, names=Names())).refused(InvalidValue, "name-missing")


@pytest.mark.parametrize(
    "wish",
    [
        RenameOrganisation(**BY_PLATFORM, names=NAMES),
        ENROL,
        END,
        BECOME_SENDER,
        CHANGE_CHANNEL,
        EndSenderEnrolment(**BY_ITSELF),
        APPLY,
        GRANT,
        SUSPEND,
        WITHDRAW,
    ],
)
def test_what_does_not_exist_is_not_found(wish: Any) -> None:
    given(ORGANISATION).when(wish).refused(NotFound, "organisation-not-found")


# --- Enrolment ------------------------------------------------------------------------------------------------------


def test_enrolled_in_a_role_by_the_platform_and_again_after_its_end() -> None:
    given(ORGANISATION, REGISTERED).when(ENROL).then(ENROLLED)
    given(ORGANISATION, REGISTERED, ENROLLED).when(ENROL).then()
    given(ORGANISATION, REGISTERED, ENROLLED).when(END).then(ENDED)
    given(ORGANISATION, REGISTERED, ENROLLED, ENDED).when(END).then()
    given(ORGANISATION, REGISTERED, ENROLLED, ENDED).when(ENROL).then(replace(ENROLLED, enrolment_number=2))
    given(ORGANISATION, REGISTERED).when(END).refused(RuleBroken, "not-enrolled")


def test_an_organisation_holds_a_role_from_enrolment_to_its_end() -> None:
    enrolled = ORGANISATION.fold([REGISTERED, ENROLLED])
    assert holds(enrolled, Enrolment.BUS_MEMBER)
    assert not holds(enrolled, Enrolment.MAILBOX_SENDER)
    assert not holds(ORGANISATION.fold([ENDED], enrolled), Enrolment.BUS_MEMBER)


def test_a_sender_enrols_itself_and_nobody_else_does() -> None:
    given(ORGANISATION, REGISTERED).when(BECOME_SENDER).then(SENDER)
    given(ORGANISATION, REGISTERED, SENDER).when(BECOME_SENDER).then()
    given(ORGANISATION, REGISTERED).when(replace(BECOME_SENDER, by="another")).refused(
        NotAllowed, "not-your-organisation"
    )
    given(ORGANISATION, REGISTERED).when(replace(ENROL, enrolment=Enrolment.MAILBOX_SENDER)).refused(
        NotAllowed, "sender-enrols-itself"
    )


def test_a_sender_that_is_enrolled_changes_its_double_channel_period_on_purpose_only() -> None:
    later = replace(BECOME_SENDER, double_channel_until=date(2023, 1, 1))
    given(ORGANISATION, REGISTERED, SENDER).when(later).refused(RuleBroken, "already-a-sender")
    given(ORGANISATION, REGISTERED, SENDER).when(CHANGE_CHANNEL).then(CHANNEL_CHANGED)
    given(ORGANISATION, REGISTERED, SENDER, CHANNEL_CHANGED).when(CHANGE_CHANNEL).then()
    given(ORGANISATION, REGISTERED).when(CHANGE_CHANNEL).refused(RuleBroken, "not-enrolled")
    given(ORGANISATION, REGISTERED, SENDER).when(replace(CHANGE_CHANNEL, by=PLATFORM)).refused(
        NotAllowed, "not-your-organisation"
    )


def test_a_double_channel_period_ends_today_at_the_earliest() -> None:
    yesterday, today = date(2021, 11, 2), date(2021, 11, 3)
    given(ORGANISATION, REGISTERED).when(replace(BECOME_SENDER, double_channel_until=yesterday)).refused(
        InvalidValue, "double-channel-in-the-past"
    )
    given(ORGANISATION, REGISTERED, SENDER).when(replace(CHANGE_CHANNEL, double_channel_until=yesterday)).refused(
        InvalidValue, "double-channel-in-the-past"
    )
    given(ORGANISATION, REGISTERED).when(replace(BECOME_SENDER, double_channel_until=today)).then(
        replace(SENDER, double_channel_until=today)
    )


def test_the_sender_itself_or_the_platform_ends_sending_and_the_period_ends_with_it() -> None:
    leave = EndSenderEnrolment(**BY_ITSELF)
    given(ORGANISATION, REGISTERED, SENDER).when(leave).then(SENDER_ENDED)
    given(ORGANISATION, REGISTERED, SENDER, SENDER_ENDED).when(leave).then()
    given(ORGANISATION, REGISTERED).when(leave).refused(RuleBroken, "not-enrolled")
    given(ORGANISATION, REGISTERED, SENDER).when(replace(leave, by="another")).refused(
        NotAllowed, "not-your-organisation"
    )
    given(ORGANISATION, REGISTERED, SENDER).when(replace(END, enrolment=Enrolment.MAILBOX_SENDER)).then(SENDER_ENDED)
    assert ORGANISATION.fold([REGISTERED, SENDER]).double_channel_until == UNTIL
    assert ORGANISATION.fold([REGISTERED, SENDER, SENDER_ENDED]).double_channel_until is None
    assert ORGANISATION.fold([REGISTERED, SENDER, ENROLLED, ENDED]).double_channel_until == UNTIL


# --- Recognition ----------------------------------------------------------------------------------------------------


def test_an_identity_provider_applies_itself_and_is_recognised_and_enrolled_by_a_decision() -> None:
    given(ORGANISATION, REGISTERED).when(APPLY).then(APPLIED)
    given(ORGANISATION, REGISTERED, APPLIED).when(APPLY).then()
    given(ORGANISATION, REGISTERED).when(replace(APPLY, by="another")).refused(NotAllowed, "not-your-organisation")
    given(ORGANISATION, REGISTERED, APPLIED).when(GRANT).then(GRANTED, PROVIDER)
    given(ORGANISATION, *RECOGNISED).when(GRANT).then()
    given(ORGANISATION, REGISTERED).when(GRANT).refused(RuleBroken, "recognition-not-requested")


@pytest.mark.parametrize("wish", [replace(GRANT, conditions_version=" "), replace(GRANT, checked_by="")])
def test_a_recognition_names_its_conditions_and_who_checked_them(wish: GrantRecognition) -> None:
    given(ORGANISATION, REGISTERED, APPLIED).when(wish).refused(InvalidValue, "decision-missing")


@pytest.mark.parametrize("reason", ["", " ", "x" * 401])
def test_a_recognition_is_suspended_or_withdrawn_for_a_reason(reason: str) -> None:
    for wish in (replace(SUSPEND, reason=reason), replace(WITHDRAW, reason=reason)):
        given(ORGANISATION, *RECOGNISED).when(wish).refused(InvalidValue, "reason-missing")


def test_a_recognition_is_suspended_and_granted_again_without_a_new_enrolment() -> None:
    given(ORGANISATION, *RECOGNISED).when(SUSPEND).then(SUSPENDED)
    given(ORGANISATION, *RECOGNISED, SUSPENDED).when(SUSPEND).then()
    given(ORGANISATION, *RECOGNISED, SUSPENDED).when(GRANT).then(GRANTED)
    given(ORGANISATION, REGISTERED, APPLIED).when(SUSPEND).refused(RuleBroken, "not-recognised")
    given(ORGANISATION, REGISTERED).when(SUSPEND).refused(RuleBroken, "recognition-not-requested")


def test_a_withdrawal_is_final() -> None:
    given(ORGANISATION, *RECOGNISED).when(WITHDRAW).then(WITHDRAWN, PROVIDER_ENDED)
    given(ORGANISATION, REGISTERED, APPLIED).when(WITHDRAW).then(WITHDRAWN)
    given(ORGANISATION, REGISTERED).when(WITHDRAW).refused(RuleBroken, "recognition-not-requested")
    over = (*RECOGNISED, WITHDRAWN, PROVIDER_ENDED)
    given(ORGANISATION, *over).when(WITHDRAW).then()
    for wish in (APPLY, GRANT, SUSPEND):
        given(ORGANISATION, *over).when(wish).refused(RuleBroken, "recognition-withdrawn")


def test_only_a_recognition_in_force_lets_keys_authenticate() -> None:
    states = [ORGANISATION.fold(RECOGNISED[:length]) for length in range(5)]
    assert [recognised(state) for state in states] == [False, False, False, True, True]
    assert not recognised(ORGANISATION.fold([*RECOGNISED, SUSPENDED]))
    assert not recognised(ORGANISATION.fold([*RECOGNISED, WITHDRAWN]))


def test_an_identity_provider_comes_and_goes_by_its_recognition_only() -> None:
    enrol = replace(ENROL, enrolment=Enrolment.IDENTITY_PROVIDER)
    end = replace(END, enrolment=Enrolment.IDENTITY_PROVIDER)
    given(ORGANISATION, REGISTERED).when(enrol).refused(RuleBroken, "recognition-needed")
    given(ORGANISATION, *RECOGNISED).when(end).refused(RuleBroken, "recognition-not-withdrawn")


# --- Services and families ------------------------------------------------------------------------------------------

OFFER: dict[str, Any] = {
    "service_id": "service-1",
    "names": Names(nl="Aangifte"),
    "audience": Audience.CITIZEN,
    "minimum_level": LevelOfAssurance.SUBSTANTIAL,
}
REGISTER_SERVICE = RegisterService(
    at=AT,
    by=CITY,
    **OFFER,
    provider=OrganisationFacts(organisation_id=CITY, enrolled=True, jurisdiction=Jurisdiction.BE),
)
SERVICE_REGISTERED = ServiceRegistered(**OFFER, organisation_id=CITY, jurisdiction=Jurisdiction.BE)
CLOSE = CloseService(at=AT, by=CITY, service_id="service-1")
CLOSED = ServiceClosed(service_id="service-1", organisation_id=CITY, jurisdiction=Jurisdiction.BE)


def test_a_service_provider_registers_and_closes_its_own_service() -> None:
    given(SERVICE).when(REGISTER_SERVICE).then(SERVICE_REGISTERED)
    given(SERVICE, SERVICE_REGISTERED).when(REGISTER_SERVICE).refused(Duplicate, "service-exists")
    given(SERVICE, SERVICE_REGISTERED).when(CLOSE).then(CLOSED)
    given(SERVICE, SERVICE_REGISTERED, CLOSED).when(CLOSE).then()
    given(SERVICE).when(CLOSE).refused(NotFound, "service-not-found")
    given(SERVICE, SERVICE_REGISTERED).when(replace(CLOSE, by="another")).refused(NotAllowed, "not-your-service")
    assert SERVICE.fold([SERVICE_REGISTERED]).open
    assert not SERVICE.fold([SERVICE_REGISTERED, CLOSED]).open


def test_nobody_but_an_enrolled_service_provider_registers_a_service() -> None:
    unenrolled = replace(REGISTER_SERVICE.provider, enrolled=False)
    given(SERVICE).when(replace(REGISTER_SERVICE, provider=unenrolled)).refused(NotAllowed, "not-a-service-provider")
    given(SERVICE).when(replace(REGISTER_SERVICE, by="another")).refused(NotAllowed, "not-a-service-provider")
    unknown = RegisterService(at=AT, by="", **OFFER)
    given(SERVICE).when(unknown).refused(NotAllowed, "not-a-service-provider")


def test_a_service_has_a_name() -> None:
    given(SERVICE).when(replace(REGISTER_SERVICE, names=Names())).refused(InvalidValue, "name-missing")


REGISTER_FAMILY = RegisterServiceFamily(
    at=AT, by=PLATFORM, code="social-security", names=Names(en="Social security"), authentic_source_id="organisation-9"
)
FAMILY = ServiceFamilyRegistered(
    code="social-security", names=Names(en="Social security"), authentic_source_id="organisation-9"
)


def test_a_service_family_is_registered_once_under_its_code() -> None:
    wish = replace(REGISTER_FAMILY, source_exists=True)
    given(SERVICE_FAMILY).when(wish).then(FAMILY)
    given(SERVICE_FAMILY, FAMILY).when(wish).then()
    given(SERVICE_FAMILY, FAMILY).when(replace(wish, names=Names(en="Other"))).refused(
        Duplicate, "service-family-exists"
    )
    assert SERVICE_FAMILY.fold([FAMILY]).exists


def test_the_keeper_of_an_authentic_source_exists() -> None:
    given(SERVICE_FAMILY).when(REGISTER_FAMILY).refused(NotFound, "organisation-not-found")
    given(SERVICE_FAMILY).when(replace(REGISTER_FAMILY, authentic_source_id="")).then(
        replace(FAMILY, authentic_source_id="")
    )


@pytest.mark.parametrize("code", ["", "Social", "social--security", "-social", "social security", "x" * 61, "social\n"])
def test_a_code_is_a_slug(code: str) -> None:
    given(SERVICE_FAMILY).when(replace(REGISTER_FAMILY, code=code)).refused(InvalidValue, "invalid-code")


def test_a_family_has_a_name() -> None:
    given(SERVICE_FAMILY).when(replace(REGISTER_FAMILY, names=Names())).refused(InvalidValue, "name-missing")


def test_a_category_has_no_hyphen_so_that_the_first_one_begins_the_id() -> None:
    assert SERVICE_FAMILY.stream("social-security") == "service_family-social-security"


def test_a_higher_level_of_assurance_covers_a_lower_one() -> None:
    low, substantial, high = LevelOfAssurance
    covered = {(one, other) for one in LevelOfAssurance for other in LevelOfAssurance if one.covers(other)}
    assert covered == {
        (low, low),
        (substantial, low),
        (substantial, substantial),
        (high, low),
        (high, substantial),
        (high, high),
    }


# --- Sole traders ---------------------------------------------------------------------------------------------------

TRADER = PersonalText("Bakkerij An Peeters")
PRIVATE: dict[str, Any] = {
    **KIND,
    "organisation_type": OrganisationType.PRIVATE_ORGANISATION,
    "outside_government": True,
}
BY_NUMBER = Names(nl=NUMBER, fr=NUMBER, de=NUMBER, en=NUMBER)
REGISTER_TRADER = RegisterSoleTrader(
    **BY_PLATFORM, trader_name=TRADER, enterprise_number=NUMBER, jurisdiction=Jurisdiction.BE
)
DECLARE = DeclareSoleTrader(**BY_PLATFORM, trader_name=TRADER)
DECLARED = SoleTraderDeclared(organisation_id=CITY, jurisdiction=Jurisdiction.BE, trader_name=TRADER)
TRADER_REGISTERED = OrganisationRegistered(organisation_id=CITY, **PRIVATE, names=BY_NUMBER, enterprise_number=NUMBER)


def test_a_sole_trader_is_registered_under_their_number_and_their_name_is_personal() -> None:
    given(ORGANISATION).when(REGISTER_TRADER).then(TRADER_REGISTERED, DECLARED)
    assert ORGANISATION.claims(REGISTER_TRADER, [TRADER_REGISTERED, DECLARED]) == [Claim("enterprise-number", NUMBER)]
    given(ORGANISATION, REGISTERED).when(REGISTER_TRADER).refused(Duplicate, "organisation-exists")


def test_an_enterprise_that_is_declared_a_sole_trader_has_its_number_for_a_name() -> None:
    registered = replace(TRADER_REGISTERED, names=NAMES)
    renamed = OrganisationRenamed(organisation_id=CITY, names=BY_NUMBER)
    given(ORGANISATION, registered).when(DECLARE).then(renamed, DECLARED)
    given(ORGANISATION, registered, renamed, DECLARED).when(DECLARE).then(DECLARED)


def test_only_a_private_organisation_is_declared_a_sole_trader() -> None:
    given(ORGANISATION, REGISTERED).when(DECLARE).refused(RuleBroken, "not-a-sole-trader")
    given(ORGANISATION).when(DECLARE).refused(NotFound, "organisation-not-found")


def test_the_name_of_a_sole_trader_is_not_changed_in_clear() -> None:
    rename = RenameOrganisation(**BY_PLATFORM, names=NAMES)
    given(ORGANISATION, TRADER_REGISTERED, DECLARED).when(rename).refused(RuleBroken, "sole-trader-name")
