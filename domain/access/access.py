"""The record of one access to personal data: whose, of which kinds, on whose behalf. One stream for each request.

The context of the event has the actor, the organisation and the processing activity. Nothing here names a person but by
the id that the platform gave them.
Source: Regulation (EU) 2016/679 (GDPR), articles 5(2), 15(1)(c), 30 and 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from domain.kernel import CommandBase, Decider
from domain.kernel.kinds import ID, OptionalId, several

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_SUBJECTS = 100
"""Persons that one event names: as many as a page has rows."""


class Category(StrEnum):
    """The kind of personal data that was accessed."""

    IDENTIFICATION = "identification"
    KEYS = "keys"
    MANDATES = "mandates"
    CONSENTS = "consents"
    MAILBOX = "mailbox"
    MESSAGES = "messages"
    INVOICES = "invoices"
    ERASURES = "erasures"
    ACCESSES = "accesses"
    """The access record itself."""


class AccessOutcome(StrEnum):
    """The outcome of the request. A request that was refused as a whole disclosed nothing, and has no record."""

    ANSWERED = "answered"
    ANSWERED_IN_PART = "answered_in_part"
    """Another part of the request could not be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAccess:
    """The categories of one person's data that were accessed; each once, in the order of `Category`."""

    subject_id: str
    categories: tuple[Category, ...]


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRecorded:
    """`on_behalf_of` is the organisation for which data was accessed; `supplier_id` the one that did it for them.

    `automated`: a program of the platform accessed the data, and no person. For access to many persons there are
    several events in its stream.
    """

    access_id: str
    on_behalf_of: Annotated[str, ID]
    supplier_id: OptionalId
    automated: bool
    outcome: AccessOutcome
    looks: Annotated[
        tuple[SubjectAccess, ...],
        several(MAX_SUBJECTS, "too-many-items", f"One event names at most {MAX_SUBJECTS} persons.", least=1),
    ]


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAccess(CommandBase):
    """Record an access; `by` is the organisation on whose behalf."""

    ACTIVITY: ClassVar[str] = ""
    """The one command whose activity the caller names."""

    access_id: str
    supplier_id: str
    automated: bool
    outcome: AccessOutcome
    looks: tuple[SubjectAccess, ...]


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    recorded: bool = False


# --- Rules ----------------------------------------------------------------------------------------------------------


def _record(command: RecordAccess, state: Access) -> Sequence[AccessRecorded]:
    if state.recorded:
        return []
    return [
        AccessRecorded(
            access_id=command.access_id,
            on_behalf_of=command.by,
            supplier_id=command.supplier_id,
            automated=command.automated,
            outcome=command.outcome,
            looks=command.looks[start : start + MAX_SUBJECTS],
        )
        for start in range(0, len(command.looks), MAX_SUBJECTS)
    ]


def evolve(_state: Access, _event: AccessRecorded) -> Access:
    return Access(recorded=True)


ACCESS: Decider[RecordAccess, Access, AccessRecorded] = Decider(
    category="access",
    key=("access_id",),
    initial=Access(),
    rules={RecordAccess: _record},
    evolve=evolve,
    events={"access.recorded.v1": AccessRecorded},
    checked=False,
)
