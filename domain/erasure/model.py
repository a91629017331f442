"""Values, events, commands and state of an erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from domain.kernel import Actor, CommandBase, PurposeGroup, fact
from domain.kernel.kinds import written

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_HOLD_YEARS = 30
MAX_HOLDS = 200
"""Of one person: each is somebody's decision, or one for each kind of retention."""

FileReference = Annotated[
    str,
    written(
        "[A-Za-z0-9][A-Za-z0-9./_-]{0,79}",
        "invalid-reference",
        "A reference has letters, digits, dots, slashes, hyphens; at most 80, and no spaces.",
        optional=True,
    ),
]


class ErasureGround(StrEnum):
    """The ground of an erasure. Source: GDPR, article 17(1), points (a) to (f), in this order."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFULLY_PROCESSED = "unlawfully_processed"
    LEGAL_OBLIGATION = "legal_obligation"
    OFFERED_TO_A_CHILD = "offered_to_a_child"


class HoldGround(StrEnum):
    """The ground on which data is kept although its person wants it erased.

    Source: GDPR, article 17(3), points (b) to (e), in this order; invoice retention is a legal obligation of its own.
    """

    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_HEALTH = "public_health"
    ARCHIVING = "archiving"
    LEGAL_CLAIMS = "legal_claims"
    INVOICE_RETENTION = "invoice_retention"


class ErasureStatus(StrEnum):
    """The status of the erasure of one purpose."""

    KEPT = "kept"
    REQUESTED = "requested"
    DESTROYED = "destroyed"
    SHREDDED = "shredded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold as it was placed. `until` is the last day on which it keeps the data."""

    group: PurposeGroup
    until: date
    lifted: bool = False


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureEvent:
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested(ErasureEvent):
    """The data of `groups` is to be erased; that of `held_groups` was asked for too, and is kept by a hold.

    `session_id` and `mandate_id` are there where the person, or who represents them by law, asked; else an
    administrator did. `reference` is that of the file in which the decision was taken.
    """

    groups: tuple[PurposeGroup, ...]
    held_groups: tuple[PurposeGroup, ...]
    ground: ErasureGround
    reference: FileReference
    session_id: str = ""
    acting_person_id: str = ""
    mandate_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureAsked(ErasureEvent):
    """The person asked, or who represents them by law: at `due_at` the data of `groups` is to be erased.

    Until then it can be withdrawn. The other fields are those of the request that follows.
    """

    groups: tuple[PurposeGroup, ...]
    held_groups: tuple[PurposeGroup, ...]
    ground: ErasureGround
    reference: FileReference
    session_id: str
    acting_person_id: str
    mandate_id: str = ""
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureWithdrawn(ErasureEvent):
    """What the person asked for is not to be erased after all."""

    session_id: str
    acting_person_id: str
    mandate_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureSettled(ErasureEvent):
    """When it fell due, nothing was left to erase of what the person asked for: it is held, or was ordered before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysDestroyed(ErasureEvent):
    """No copy of the data of these groups can be read any more."""

    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysShredded(ErasureEvent):
    """No bytes of the destroyed keys are left where they lay, and nothing else of these groups points to the person."""

    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldPlaced(ErasureEvent):
    """The data of a group is kept until the end of a day in civil time; placed again, until the later day.

    Data whose erasure was requested and not carried out is kept.
    """

    hold_id: str
    group: PurposeGroup
    ground: HoldGround
    until: date
    reference: FileReference


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldLifted(ErasureEvent):
    hold_id: str
    group: PurposeGroup


Event = (
    ErasureAsked
    | ErasureWithdrawn
    | ErasureSettled
    | ErasureRequested
    | KeysDestroyed
    | KeysShredded
    | LegalHoldPlaced
    | LegalHoldLifted
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "erasure"
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseCommand(ErasureCommand):
    """Without groups, the command is for all of them. `reference` names a file, never a person."""

    ground: ErasureGround
    groups: tuple[PurposeGroup, ...] = ()
    reference: FileReference = ""
    registered: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestErasure(EraseCommand):
    """The person asks, or who represents them by law, in a session open at the organisation that passes it on.

    For `cooling_off_days` it can be withdrawn.
    """

    session_id: str
    acting_mandate_id: str = ""
    applicant: Actor = fact(Actor())
    cooling_off_days: int = fact(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawErasure(ErasureCommand):
    """The person withdraws what they asked for, in any session of theirs, before it falls due."""

    session_id: str
    acting_mandate_id: str = ""
    applicant: Actor = fact(Actor())


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOutErasure(ErasureCommand):
    """What the person asked for has fallen due: the clock of the platform sends this command, no door does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderErasure(EraseCommand):
    """An administrator decides: on a letter of the person, an order of a court or of the supervisory authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCommand(ErasureCommand):
    hold_id: str
    group: PurposeGroup
    until: date
    reference: FileReference = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLegalHold(HoldCommand):
    """An administrator decides that the data of one purpose is kept until a day."""

    ground: HoldGround
    registered: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRetentionHold(HoldCommand):
    """A law requires by itself that the data is kept: policies of the platform send this command, no door does."""

    ground: HoldGround


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLegalHold(ErasureCommand):
    hold_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLegalHold(ErasureCommand):
    """The platform ends a hold whose last day is over."""

    hold_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKeysDestroyed(ErasureCommand):
    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKeysShredded(ErasureCommand):
    groups: tuple[PurposeGroup, ...]


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The status of the erasure of each purpose of one person, the holds by their ids, and what the person asked for.

    `withdrawn` holds after the person withdrew that, until they ask again.
    """

    statuses: Mapping[PurposeGroup, ErasureStatus] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    asked: ErasureAsked | None = None
    withdrawn: bool = False

    def status(self, group: PurposeGroup) -> ErasureStatus:
        return self.statuses.get(group, ErasureStatus.KEPT)

    def held(self, group: PurposeGroup, *, on: date) -> bool:
        return any(hold.group is group and not hold.lifted and on <= hold.until for hold in self.holds.values())


def pending(state: Erasure) -> Sequence[PurposeGroup]:
    """Return the groups whose erasure was requested and whose keys are not destroyed yet."""
    return [group for group in PurposeGroup if state.status(group) is ErasureStatus.REQUESTED]
