"""Values, events, commands and state of a mandate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from domain.identity.values import MandateKind, MandateSide, MandateStatus, PartyKind
from domain.kernel import Actor, CommandBase, InvalidValue, Jurisdiction, OrganisationFacts, fact
from domain.kernel.kinds import Count, OptionalId, several_lines

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_GROUND_LENGTH = 400

Ground = Annotated[
    str,
    several_lines(
        MAX_GROUND_LENGTH,
        "ground-missing",
        f"Name the ground of the legal representation, in at most {MAX_GROUND_LENGTH} characters.",
    ),
]


def _check_terms(terms: MandateTerms | RequestMandate) -> None:
    if terms.mandator_id == terms.mandatary_id:
        raise InvalidValue("mandate-to-oneself", "Nobody needs a mandate to act for themselves.")
    if terms.valid_until <= terms.valid_from:
        raise InvalidValue("validity-ends-before-start", "A mandate must end after it begins.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScope:
    """A service that a mandate covers, and the organisation that offers it."""

    service_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateTerms:
    """Who may act for whom, where and how long. No `services`: every service (legal representation only).

    `grantor_id` gives the mandate: the mandator, or in a chain the mandatary of the parent mandate.
    """

    kind: MandateKind
    mandator_id: str
    mandator_kind: PartyKind
    mandatary_id: str
    grantor_id: str
    parent_mandate_id: OptionalId
    services: tuple[ServiceScope, ...]
    valid_from: datetime
    valid_until: datetime
    jurisdiction: Jurisdiction

    def check_whole(self) -> None:
        _check_terms(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAct:
    """Who took a step for which side, in which session, and under which mandate if they represent a side."""

    side: MandateSide
    session_id: str
    acting_person_id: str
    acting_mandate_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateParties:
    """Whether the two sides of a requested mandate exist, and where the mandator belongs."""

    mandator_exists: bool = False
    mandatary_exists: bool = False
    jurisdiction: Jurisdiction = Jurisdiction.BE


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentMandate:
    """The mandate that a chain mandate passes on."""

    terms: MandateTerms | None = None
    in_force: bool = False


# --- Events ---------------------------------------------------------------------------------------------------------
# `period` counts the stretches of time between suspensions, from 1: a resumption begins the next one.


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEvent:
    mandate_id: str
    period: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRequested(MandateEvent):
    terms: MandateTerms
    act: MandateAct


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateStep(MandateEvent):
    act: MandateAct


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAccepted(MandateStep):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateConfirmed(MandateEvent):
    """A registration authority checked the ground of the legal representation: a reference to a deed or register."""

    authority_id: str
    ground: Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRejected(MandateStep):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateSuspended(MandateStep):
    """The mandate is suspended until an instant, or until the same side resumes it (None)."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateResumed(MandateEvent):
    """The side that suspended the mandate resumed it; without an `act`, its suspension was over."""

    terms: MandateTerms
    act: MandateAct | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateWithdrawn(MandateStep):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateExpired(MandateEvent):
    pass


MandateEvents = (
    MandateRequested
    | MandateAccepted
    | MandateConfirmed
    | MandateRejected
    | MandateSuspended
    | MandateResumed
    | MandateWithdrawn
    | MandateExpired
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "mandate-management"
    mandate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyCommand(MandateCommand):
    """A command of one of the two sides, given in a session at the organisation that sends it.

    `acting_mandate_id` names the legal representation under which the person speaks for a side.
    """

    session_id: str
    acting_mandate_id: str = ""
    actor: Actor = fact(Actor())


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMandate(PartyCommand):
    kind: MandateKind
    mandator_id: str
    mandator_kind: PartyKind
    mandatary_id: str
    service_ids: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    parent_mandate_id: str = ""
    parties: MandateParties = fact(MandateParties())
    services: tuple[ServiceScope, ...] = fact(())
    parent: ParentMandate = fact(ParentMandate())

    def check_whole(self, at: datetime) -> None:
        _check_terms(self)
        if self.valid_until <= at:
            raise InvalidValue("validity-over", "The validity of the mandate must end in the future.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptMandate(PartyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectMandate(PartyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendMandate(PartyCommand):
    """With `until`, the mandate is resumed then; sent again by the side that suspended it, it moves that instant."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeMandate(PartyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawMandate(PartyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmMandate(MandateCommand):
    """A registration authority confirms; `ground` refers to the deed, judgment or register entry."""

    ground: Ground
    authority: OrganisationFacts = fact(OrganisationFacts())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireMandate(MandateCommand):
    """The platform ends a mandate after its validity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMandateSuspension(MandateCommand):
    """The platform resumes a mandate whose suspension is over."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    status: MandateStatus = MandateStatus.ABSENT
    period: int = 0
    terms: MandateTerms | None = None
    requested_by: MandateSide = MandateSide.GIVING
    suspended_by: MandateSide | None = None
    suspended_until: datetime | None = None

    @property
    def exists(self) -> bool:
        return self.terms is not None

    @property
    def mandator_id(self) -> str:
        return self.terms.mandator_id if self.terms is not None else ""

    @property
    def mandatary_id(self) -> str:
        return self.terms.mandatary_id if self.terms is not None else ""

    @property
    def parent_mandate_id(self) -> str:
        return self.terms.parent_mandate_id if self.terms is not None else ""


def in_force(
    mandate: Mandate,
    *,
    mandatary_id: str,
    at: datetime,
    organisation_id: str = "",
    parent: Mandate | None = None,
) -> bool:
    """Return whether the mandatary may act for `mandate.mandator_id`, at services of the organisation if named.

    A chain mandate is in force only with its `parent`: without it the answer is no.
    """
    terms = mandate.terms
    if terms is None or mandate.status is not MandateStatus.ACTIVE or not mandatary_id:
        return False
    if terms.mandatary_id != mandatary_id or not terms.valid_from <= at < terms.valid_until:
        return False
    if terms.services and not any(organisation_id in ("", scope.organisation_id) for scope in terms.services):
        return False
    if terms.kind is not MandateKind.CHAIN:
        return True
    return (
        parent is not None
        and parent.mandator_id == terms.mandator_id
        and in_force(parent, mandatary_id=terms.grantor_id, at=at, organisation_id=organisation_id)
    )
