"""Erasure: the right of a person to be forgotten, and what the law keeps nevertheless. One stream for each person.

What is erased is erased by purpose: the keys of the person's data are destroyed, so that nobody can read it any more
wherever its bytes still are, and then shredded, so that the keys themselves are nowhere. No event is rewritten. The
keys are the keeper's business; this stream decides what is erased, and records what was done.

A legal hold keeps the data of one purpose until a day; an erasure that was asked for waits for nobody, so what is held
has to be asked for again when the hold is over. Source: Regulation (EU) 2016/679 (GDPR), article 17: paragraph 1 for
the grounds of an erasure, paragraph 3 for the grounds of a hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.kernel import (
    Command,
    Decider,
    InvalidValue,
    NotAllowed,
    NotFound,
    PurposeGroup,
    RuleBroken,
    fact,
)

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_HOLD_YEARS = 30
MAX_HOLDS = 200
"""Of one person: each is somebody's decision, or one for each kind of retention."""

CIVIL_TIME = ZoneInfo("Europe/Brussels")
"""Belgium and the Netherlands keep the same civil time; the last day of a hold is a day in it."""

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,79}")


class ErasureGround(StrEnum):
    """Why data is erased. Source: GDPR, article 17(1), points (a) to (f), in this order."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFULLY_PROCESSED = "unlawfully_processed"
    LEGAL_OBLIGATION = "legal_obligation"
    OFFERED_TO_A_CHILD = "offered_to_a_child"


class HoldGround(StrEnum):
    """Why data is kept although its person wants it erased.

    Source: GDPR, article 17(3), points (b) to (e), in this order; invoice retention is a legal obligation of its own.
    """

    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_HEALTH = "public_health"
    ARCHIVING = "archiving"
    LEGAL_CLAIMS = "legal_claims"
    INVOICE_RETENTION = "invoice_retention"


class ErasureStatus(StrEnum):
    """How far the erasure of one purpose is."""

    KEPT = "kept"
    REQUESTED = "requested"
    DESTROYED = "destroyed"
    SHREDDED = "shredded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who asks in the session at the caller: the person, or who represents them by law, with the mandate for it."""

    person_id: str
    at_caller: bool
    mandate_id: str = ""
    represented_id: str = ""


NOBODY = Applicant(person_id="", at_caller=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold as it was placed. `until` is the last day on which it keeps the data."""

    group: PurposeGroup
    until: date
    lifted: bool = False


def civil_day(instant: datetime) -> date:
    return instant.astimezone(CIVIL_TIME).date()


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested:
    """The data of `groups` is to be erased; that of `held_groups` was asked for too, and is kept by a hold.

    `session_id` and `mandate_id` are there where the person, or who represents them by law, asked; else an
    administrator did. `reference` is that of the file in which the decision was taken.
    """

    person_id: str
    groups: tuple[PurposeGroup, ...]
    held_groups: tuple[PurposeGroup, ...]
    ground: ErasureGround
    reference: str
    session_id: str = ""
    acting_person_id: str = ""
    mandate_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysDestroyed:
    """From here on nobody can read the data of these groups, in whatever copy."""

    person_id: str
    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysShredded:
    """No bytes of the destroyed keys are left where they lay, and nothing else of these groups points to the person."""

    person_id: str
    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldPlaced:
    """The data of a group is kept until the end of a day in civil time; placed again, until the later day.

    What was requested to be erased and is not yet, is kept.
    """

    person_id: str
    hold_id: str
    group: PurposeGroup
    ground: HoldGround
    until: date
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldLifted:
    person_id: str
    hold_id: str
    group: PurposeGroup


Event = ErasureRequested | KeysDestroyed | KeysShredded | LegalHoldPlaced | LegalHoldLifted

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureCommand(Command):
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureWish(ErasureCommand):
    """No group named stands for all. `reference` names a file, never a person."""

    ground: ErasureGround
    groups: tuple[PurposeGroup, ...] = ()
    reference: str = ""
    registered: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestErasure(ErasureWish):
    """The person asks, or who represents them by law, in a session open at the organisation that passes it on."""

    session_id: str
    acting_mandate_id: str = ""
    applicant: Applicant = fact(NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderErasure(ErasureWish):
    """An administrator decides: on a letter of the person, an order of a court or of the supervisory authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCommand(ErasureCommand):
    hold_id: str
    group: PurposeGroup
    until: date
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLegalHold(HoldCommand):
    """An administrator decides that the data of one purpose is kept until a day."""

    ground: HoldGround
    registered: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRetentionHold(HoldCommand):
    """A law says by itself that the data is kept: the platform's own policies send this, no door does."""

    ground: HoldGround


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLegalHold(ErasureCommand):
    hold_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKeysDestroyed(ErasureCommand):
    groups: tuple[PurposeGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKeysShredded(ErasureCommand):
    groups: tuple[PurposeGroup, ...]


Wish = (
    RequestErasure
    | OrderErasure
    | PlaceLegalHold
    | PlaceRetentionHold
    | LiftLegalHold
    | RecordKeysDestroyed
    | RecordKeysShredded
)

# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is known of one person: how far the erasure of each purpose is, and the holds by their ids."""

    statuses: Mapping[PurposeGroup, ErasureStatus] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)

    def status(self, group: PurposeGroup) -> ErasureStatus:
        return self.statuses.get(group, ErasureStatus.KEPT)

    def held(self, group: PurposeGroup, *, on: date) -> bool:
        return any(hold.group is group and not hold.lifted and on <= hold.until for hold in self.holds.values())


def pending(state: Erasure) -> Sequence[PurposeGroup]:
    """Return the groups whose erasure was requested and whose keys are not destroyed yet."""
    return [group for group in PurposeGroup if state.status(group) is ErasureStatus.REQUESTED]


# --- Rules ----------------------------------------------------------------------------------------------------------


def decide(command: Wish, state: Erasure) -> Sequence[Event]:  # noqa: PLR0911 - one per command
    match command:
        case RequestErasure():
            return _request(command, state)
        case OrderErasure():
            return _ask(command, state)
        case PlaceLegalHold():
            return _place(command, state)
        case PlaceRetentionHold():
            return _hold(command, state)
        case LiftLegalHold():
            return _lift(command, state)
        case RecordKeysDestroyed():
            return _destroyed(command, state)
        case RecordKeysShredded():
            return _shredded(command, state)
        case _:
            assert_never(command)


def _request(command: RequestErasure, state: Erasure) -> Sequence[Event]:
    applicant = command.applicant
    if not applicant.at_caller:
        raise NotAllowed("no-session-at-caller", "This needs an open authentication session at this organisation.")
    if command.person_id not in (applicant.person_id, applicant.represented_id):
        raise NotAllowed("not-the-person", "Only the person, or who represents them by law, can ask for this.")
    return _ask(command, state, applicant)


def _ask(command: ErasureWish, state: Erasure, applicant: Applicant = NOBODY) -> Sequence[Event]:
    _must_be_known(command.registered, state)
    _must_be_a_reference(command.reference)
    wanted = [group for group in PurposeGroup if group in (command.groups or tuple(PurposeGroup))]
    kept = [group for group in wanted if state.status(group) is ErasureStatus.KEPT]
    held = tuple(group for group in kept if state.held(group, on=civil_day(command.at)))
    free = tuple(group for group in kept if group not in held)
    if not free:
        if held == tuple(wanted):
            raise RuleBroken("legal-hold", "The law keeps this data for now; it cannot be erased yet.")
        return []
    return [
        ErasureRequested(
            person_id=command.person_id,
            groups=free,
            held_groups=held,
            ground=command.ground,
            reference=command.reference,
            session_id=command.session_id if isinstance(command, RequestErasure) else "",
            acting_person_id=applicant.person_id,
            mandate_id=applicant.mandate_id,
        )
    ]


def _must_be_known(registered: bool, state: Erasure) -> None:
    """Refuse a slip of the hand: a contact on an invoice need not be registered, and is known by the hold on it."""
    if not registered and not state.holds:
        raise NotFound("person-not-found", "There is no person with this id.")


def _must_be_a_reference(reference: str) -> None:
    if reference and not _REFERENCE.fullmatch(reference):
        raise InvalidValue(
            "invalid-reference", "A reference has letters, digits, dots, slashes, hyphens; at most 80, and no spaces."
        )


def _place(command: PlaceLegalHold, state: Erasure) -> Sequence[Event]:
    _must_be_known(command.registered, state)
    _must_be_a_reference(command.reference)
    if state.status(command.group) is not ErasureStatus.KEPT:
        raise RuleBroken("erasure-under-way", "This data is being erased, or it was already; it cannot be held.")
    today = civil_day(command.at)
    if not today <= command.until <= date(today.year + MAX_HOLD_YEARS, 12, 31):
        raise InvalidValue(
            "invalid-hold-end", f"A hold names its last day: today or later, within {MAX_HOLD_YEARS} years."
        )
    if command.hold_id not in state.holds and len(state.holds) >= MAX_HOLDS:
        raise RuleBroken("too-many-holds", f"There are {MAX_HOLDS} holds on this person's data already.")
    return _hold(command, state)


def _hold(command: PlaceLegalHold | PlaceRetentionHold, state: Erasure) -> Sequence[Event]:
    """Place a hold, or say nothing: it was placed until that day before, it is over, or there is nothing left to hold.

    An erasure that is requested and not carried out yet gives way to the law. Only the keeper carries erasures out, and
    only it sends what policies decide, in the order of the log: the two never cross.
    """
    known = state.holds.get(command.hold_id)
    erased = state.status(command.group) in (ErasureStatus.DESTROYED, ErasureStatus.SHREDDED)
    if erased or civil_day(command.at) > command.until or (known is not None and command.until <= known.until):
        return []
    return [
        LegalHoldPlaced(
            person_id=command.person_id,
            hold_id=command.hold_id,
            group=command.group,
            ground=command.ground,
            until=command.until,
            reference=command.reference,
        )
    ]


def _lift(command: LiftLegalHold, state: Erasure) -> Sequence[Event]:
    hold = state.holds.get(command.hold_id)
    if hold is None:
        raise NotFound("legal-hold-not-found", "There is no such hold on this person's data.")
    if hold.lifted:
        return []
    return [LegalHoldLifted(person_id=command.person_id, hold_id=command.hold_id, group=hold.group)]


def _destroyed(command: RecordKeysDestroyed, state: Erasure) -> Sequence[Event]:
    groups = _in_step(command.groups, state, ErasureStatus.REQUESTED)
    return [KeysDestroyed(person_id=command.person_id, groups=groups)] if groups else []


def _shredded(command: RecordKeysShredded, state: Erasure) -> Sequence[Event]:
    groups = _in_step(command.groups, state, ErasureStatus.DESTROYED)
    return [KeysShredded(person_id=command.person_id, groups=groups)] if groups else []


def _in_step(groups: Sequence[PurposeGroup], state: Erasure, status: ErasureStatus) -> tuple[PurposeGroup, ...]:
    """Return those of the groups that are at this step. One that is further was recorded before."""
    steps = list(ErasureStatus)
    if any(steps.index(state.status(group)) < steps.index(status) for group in groups):
        raise RuleBroken("erasure-not-requested", "This was not decided, so it cannot have been carried out.")
    return tuple(group for group in PurposeGroup if group in groups and state.status(group) is status)


def evolve(state: Erasure, event: Event) -> Erasure:
    match event:
        case ErasureRequested():
            return _at(state, event.groups, ErasureStatus.REQUESTED)
        case KeysDestroyed():
            return _at(state, event.groups, ErasureStatus.DESTROYED)
        case KeysShredded():
            return _at(state, event.groups, ErasureStatus.SHREDDED)
        case LegalHoldPlaced():
            hold = Hold(group=event.group, until=event.until)
            kept = _at(state, (event.group,), ErasureStatus.KEPT)
            return replace(kept, holds={**kept.holds, event.hold_id: hold})
        case LegalHoldLifted():
            lifted = replace(state.holds[event.hold_id], lifted=True)
            return replace(state, holds={**state.holds, event.hold_id: lifted})
        case _:
            assert_never(event)


def _at(state: Erasure, groups: Sequence[PurposeGroup], status: ErasureStatus) -> Erasure:
    return replace(state, statuses={**state.statuses, **dict.fromkeys(groups, status)})


def _id(command: ErasureCommand) -> str:
    return command.person_id


DECIDER: Decider[Wish, Erasure, Event] = Decider(
    category="erasure",
    initial=Erasure(),
    decide=decide,
    evolve=evolve,
    commands=dict.fromkeys(
        (
            RequestErasure,
            OrderErasure,
            PlaceLegalHold,
            PlaceRetentionHold,
            LiftLegalHold,
            RecordKeysDestroyed,
            RecordKeysShredded,
        ),
        _id,
    ),
    events={
        "erasure.requested.v1": ErasureRequested,
        "erasure.keys-destroyed.v1": KeysDestroyed,
        "erasure.keys-shredded.v1": KeysShredded,
        "erasure.legal-hold-placed.v1": LegalHoldPlaced,
        "erasure.legal-hold-lifted.v1": LegalHoldLifted,
    },
)
