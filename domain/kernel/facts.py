"""Facts of other streams that a command needs. The handler reads them; no caller gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from domain.kernel.vocabulary import CaribbeanIsland, Jurisdiction

T = TypeVar("T")


def fact(unknown: T) -> T:
    """Mark a field of a command as a fact of another stream: filled in by the handler, never by the caller.

    `unknown` is its value before it is read; every rule refuses it.
    """
    return field(default=unknown, metadata={"fact": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFacts:
    """The facts of an organisation: whether it is enrolled in the role that the command needs, and where it belongs.

    `island` is the one of the Caribbean Netherlands that it belongs to, if any.
    """

    organisation_id: str = ""
    enrolled: bool = False
    jurisdiction: Jurisdiction = Jurisdiction.BE
    island: CaribbeanIsland | None = None

    @property
    def territory(self) -> Jurisdiction | CaribbeanIsland:
        """The island, or else the jurisdiction: whose holidays and civil time hold."""
        return self.island or self.jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The person of an authentication session, and the party that they represent under a mandate.

    `in_session` holds while the session is open at the organisation that the command names or is sent by.
    """

    person_id: str = ""
    session_id: str = ""
    in_session: bool = False
    mandate_id: str = ""
    represented_id: str = ""

    def is_or_represents(self, person_id: str) -> bool:
        return bool(person_id) and person_id in (self.person_id, self.represented_id)
