"""The parts of the definition of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.kernel import Jurisdiction
from projections.figures.translations import Text, read_texts
from projections.words import CIVIL_TIME

TEXTS = read_texts(Path(__file__).parent / "texts")
"""The published words of each figure: `<id>.title`, `<id>.text` and `<id>.population`."""


class Window(StrEnum):
    """Which instants of a period count."""

    AS_OF_END = "as_of_end"
    DURING = "during"
    COHORT = "cohort"
    TWO_MONTHS = "two_months"


class Unit(StrEnum):
    """What is counted."""

    CONSENTS = "consents"
    PERSONS = "persons"
    MESSAGES = "messages"
    ORGANISATIONS = "organisations"
    TRANSACTIONS = "transactions"
    SERVICE_FAMILIES = "service_families"
    INVOICES = "invoices"
    AUTHENTICATIONS = "authentications"
    SERVICES = "services"
    PERCENT = "percent"
    INDEX = "index"


class Topic(StrEnum):
    """The part of the platform that a figure is about."""

    MAILBOX = "mailbox"
    IDENTITY = "identity"
    BUS = "bus"
    INVOICING = "invoicing"
    USE = "use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a figure counts.

    `distinct_key` names the fields that tell one counted thing from another; `events` are the stored names of the
    events from which the figure is computed.
    """

    id: str
    version: int = 1
    topic: Topic
    distinct_key: str
    window: Window
    unit: Unit
    time_zone: str = CIVIL_TIME.key
    jurisdictions: tuple[Jurisdiction, ...] = tuple(Jurisdiction)
    events: tuple[str, ...]

    @property
    def title(self) -> Text:
        return TEXTS[f"{self.id}.title"]

    @property
    def text(self) -> Text:
        """The definition itself, in one or a few sentences."""
        return TEXTS[f"{self.id}.text"]

    @property
    def population(self) -> Text:
        """The things among which the figure counts."""
        return TEXTS[f"{self.id}.population"]
