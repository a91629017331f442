"""Values that several contexts share: states, levels of assurance, audiences, and numbers with types of their own."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

NationalNumber = NewType("NationalNumber", str)
"""A person's number in a national register: Belgian national or bis number (11 digits) or Dutch BSN (9 digits).

A command may have it and, sealed, an event; never a stream name or an entry of a technical log.
"""

EnterpriseNumber = NewType("EnterpriseNumber", str)
"""An organisation's register number: Belgian KBO/BCE (10 digits), Dutch KvK (8 digits) or OIN (20 digits)."""


class Jurisdiction(StrEnum):
    """The state whose platform an organisation, a service or a figure belongs to (ISO 3166-1, lower case)."""

    BE = "be"
    NL = "nl"


class CaribbeanIsland(StrEnum):
    """A public body of the Netherlands in the Caribbean, with holidays and civil time of its own (ISO 3166-2)."""

    BONAIRE = "bq-bo"
    SABA = "bq-sa"
    SINT_EUSTATIUS = "bq-se"


class LevelOfAssurance(StrEnum):
    """The degree of confidence in an identification. Source: Regulation (EU) 910/2014 (eIDAS), article 8."""

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    def covers(self, other: LevelOfAssurance) -> bool:
        """Return whether this level is at least as high as the other: a higher one is always accepted."""
        levels = tuple(LevelOfAssurance)
        return levels.index(self) >= levels.index(other)


class Audience(StrEnum):
    """The target group that an online service is for."""

    CITIZEN = "citizen"
    COMPANY = "company"
    GOVERNMENT = "government"
