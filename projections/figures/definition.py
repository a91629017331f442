"""What the definition of a figure says, in the four languages of the platform."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from domain.kernel import Jurisdiction
from projections.effects import CIVIL_TIME

Language: TypeAlias = Literal["nl", "fr", "de", "en"]
LANGUAGES: tuple[Language, ...] = ("nl", "fr", "de", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One sentence or label in the four languages of the platform."""

    nl: str
    fr: str
    de: str
    en: str

    def in_language(self, language: Language) -> str:
        return {"nl": self.nl, "fr": self.fr, "de": self.de, "en": self.en}[language]


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
    """What a figure counts. `population` says what takes part, `distinct_key` by which fields one is told from another.

    `events` are the stored names of the events that it is computed from.
    """

    id: str
    version: int = 1
    topic: Topic
    title: Text
    text: Text
    population: Text
    distinct_key: str
    window: Window
    unit: Unit
    time_zone: str = CIVIL_TIME.key
    jurisdictions: tuple[Jurisdiction, ...] = tuple(Jurisdiction)
    events: tuple[str, ...]
