"""Values, events, commands and state of an organisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, ClassVar

from domain.kernel import (
    CaribbeanIsland,
    CommandBase,
    EnterpriseNumber,
    InvalidValue,
    Jurisdiction,
    PersonalText,
    PurposeGroup,
    personal,
)
from domain.kernel.kinds import Count
from domain.kernel.participants import check_number_of_jurisdiction
from domain.organisations.values import (
    TRADER_NAME,
    DecisionPart,
    Enrolment,
    Level,
    Names,
    OrganisationType,
    Recognition,
    RecognitionReason,
)

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationEvent:
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered(OrganisationEvent):
    """`island` is the one of the Caribbean Netherlands that the organisation belongs to, if any."""

    names: Names
    organisation_type: OrganisationType
    level: Level
    enterprise_number: EnterpriseNumber
    jurisdiction: Jurisdiction
    outside_government: bool
    island: CaribbeanIsland | None = None

    def check_whole(self, _at: datetime) -> None:
        _check_place(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRenamed(OrganisationEvent):
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class SoleTraderDeclared(OrganisationEvent):
    """The organisation is the enterprise of one natural person: its id is that of a data subject.

    Its name is personal data: `OrganisationRegistered` or `OrganisationRenamed` has its number instead. No event says
    which person it is: the erasure of the person would leave what points to them.
    """

    jurisdiction: Jurisdiction
    trader_name: Annotated[PersonalText, TRADER_NAME] = personal("organisation_id", PurposeGroup.IDENTIFICATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationEnrolled(OrganisationEvent):
    """`enrolment_number` counts the enrolments of this organisation in this role, from 1."""

    enrolment: Enrolment
    enrolment_number: Count
    jurisdiction: Jurisdiction
    organisation_type: OrganisationType
    level: Level
    outside_government: bool
    double_channel_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentEnded(OrganisationEvent):
    enrolment: Enrolment
    enrolment_number: Count
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleChannelChanged(OrganisationEvent):
    """The sender's letters go digital and on paper up to and including this day; None: digital only."""

    enrolment_number: Count
    double_channel_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionEvent(OrganisationEvent):
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionRequested(RecognitionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionGranted(RecognitionEvent):
    conditions_version: DecisionPart
    checked_by: DecisionPart


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionSuspended(RecognitionEvent):
    """The recognition is suspended until an instant, or until it is granted again (None)."""

    reason: RecognitionReason
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionWithdrawn(RecognitionEvent):
    reason: RecognitionReason


OrganisationEvents = (
    OrganisationRegistered
    | OrganisationRenamed
    | SoleTraderDeclared
    | OrganisationEnrolled
    | EnrolmentEnded
    | DoubleChannelChanged
    | RecognitionRequested
    | RecognitionGranted
    | RecognitionSuspended
    | RecognitionWithdrawn
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "organisation-register"
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrganisation(OrganisationCommand):
    """`island` names the one of the Caribbean Netherlands whose holidays and civil time hold for the organisation."""

    names: Names
    organisation_type: OrganisationType
    level: Level
    enterprise_number: EnterpriseNumber
    jurisdiction: Jurisdiction
    outside_government: bool = False
    island: CaribbeanIsland | None = None

    def check_whole(self, _at: datetime) -> None:
        _check_place(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSoleTrader(OrganisationCommand):
    """Register the enterprise of a natural person. `trader_name` is sealed; others see the number instead."""

    trader_name: Annotated[str, TRADER_NAME]
    enterprise_number: EnterpriseNumber
    jurisdiction: Jurisdiction
    island: CaribbeanIsland | None = None

    def check_whole(self, _at: datetime) -> None:
        _check_place(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareSoleTrader(OrganisationCommand):
    """Say that an organisation that is registered is a sole trader; or the name anew, as its own is never changed."""

    trader_name: Annotated[str, TRADER_NAME]


def _check_place(registered: RegisterOrganisation | RegisterSoleTrader | OrganisationRegistered) -> None:
    check_number_of_jurisdiction(registered.enterprise_number, registered.jurisdiction)
    if registered.island is not None and registered.jurisdiction is not Jurisdiction.NL:
        raise InvalidValue("island-outside-jurisdiction", "The islands belong to the Netherlands.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameOrganisation(OrganisationCommand):
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentCommand(OrganisationCommand):
    ACTIVITY: ClassVar[str] = "organisation-enrolment"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolOrganisation(EnrolmentCommand):
    """An administrator enrols; senders enrol themselves, and identity providers are enrolled by their recognition."""

    enrolment: Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEnrolment(EnrolmentCommand):
    """An administrator ends an enrolment."""

    enrolment: Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolAsSender(EnrolmentCommand):
    """The organisation enrols itself; `double_channel_until` sets a transition period of digital and paper."""

    double_channel_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDoubleChannel(EnrolmentCommand):
    double_channel_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDoubleChannel(EnrolmentCommand):
    """The platform ends a double-channel period whose last day is over: digital only from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSenderEnrolment(EnrolmentCommand):
    """The organisation ends its own enrolment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionCommand(OrganisationCommand):
    ACTIVITY: ClassVar[str] = "identity-provider-recognition"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecognition(RecognitionCommand):
    """The organisation's own application to be recognised as an identity provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRecognition(RecognitionCommand):
    """An administrator's decision: the conditions in this version were checked by this officer (a pseudonym)."""

    conditions_version: DecisionPart
    checked_by: DecisionPart


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendRecognition(RecognitionCommand):
    """With `until`, it is granted again then as it was; sent again while it is suspended, it moves that instant."""

    reason: RecognitionReason
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRecognitionSuspension(RecognitionCommand):
    """The platform grants a recognition again whose suspension is over, on the decision by which it was granted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRecognition(RecognitionCommand):
    reason: RecognitionReason


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """`enrolments` are the roles held now; `enrolled` names every enrolment there ever was, in order."""

    exists: bool = False
    names: Names = Names()
    enterprise_number: str = ""
    sole_trader: bool = False
    organisation_type: OrganisationType = OrganisationType.PRIVATE_ORGANISATION
    level: Level = Level.LOCAL
    jurisdiction: Jurisdiction = Jurisdiction.BE
    island: CaribbeanIsland | None = None
    outside_government: bool = False
    enrolments: frozenset[Enrolment] = frozenset()
    enrolled: tuple[Enrolment, ...] = ()
    recognition: Recognition = Recognition.NONE
    conditions_version: str = ""
    checked_by: str = ""
    suspended_until: datetime | None = None
    double_channel_until: date | None = None


def holds(state: Organisation, enrolment: Enrolment) -> bool:
    """Return whether the organisation is enrolled in a role now."""
    return enrolment in state.enrolments


def recognised(state: Organisation) -> bool:
    """Return whether the keys of this identity provider may authenticate now."""
    return state.recognition is Recognition.RECOGNISED
