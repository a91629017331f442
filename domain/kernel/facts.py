"""Facts: what a command has to know of other streams. The handler reads them; no caller gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from domain.kernel.vocabulary import Jurisdiction

T = TypeVar("T")


def fact(unknown: T) -> T:
    """Mark a field of a command as a fact of another stream: filled in by the handler, never by the caller.

    `unknown` stands for a fact that was not read; every rule refuses it.
    """
    return field(default=unknown, metadata={"fact": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFacts:
    """An organisation as a command has to know it: whether it is enrolled in the role that the command needs."""

    organisation_id: str = ""
    enrolled: bool = False
    jurisdiction: Jurisdiction = Jurisdiction.BE


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The person who acts, as an authentication session shows, and whom they represent under a mandate.

    `in_session` holds while the session is open at the organisation that the command names or is sent by.
    """

    person_id: str = ""
    session_id: str = ""
    in_session: bool = False
    mandate_id: str = ""
    represented_id: str = ""

    def is_or_represents(self, person_id: str) -> bool:
        return bool(person_id) and person_id in (self.person_id, self.represented_id)
