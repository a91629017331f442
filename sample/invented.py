"""The invented parts of the sample history, read from `invented.json`: names, letters and courses of invoices."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

from msgspec import json

from domain.invoicing.model import Clarification, ResponseState
from domain.kernel import Audience
from domain.mailbox.values import MessageType
from domain.organisations.values import OrganisationType

Words: TypeAlias = tuple[str, str, str, str]
"""The same in nl, fr, de and en."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TownNames:
    """Towns are named by a beginning and an ending, or, some of those in Belgium, by a Walloon name."""

    beginnings: tuple[str, ...]
    endings: tuple[str, ...]
    walloon: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedFamily:
    """A family of services on the bus, and the law on which its data are asked for."""

    code: str
    names: Words
    legal_basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedResponse:
    """A buyer's response to an invoice, so many days after it was received."""

    after_days: int
    state: ResponseState
    clarifications: tuple[Clarification, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCourse:
    """The responses to an invoice that passed its rules; `weight` says how often it goes this way, in hundredths."""

    weight: int
    responses: tuple[InventedResponse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """The whole file. A name of an organisation has a place for its town or subject, `{}`, or stands for itself."""

    towns: TownNames
    subjects: tuple[Words, ...]
    organisations: dict[OrganisationType, Words]
    services: dict[Audience, tuple[Words, ...]]
    service_families: tuple[InventedFamily, ...]
    letter_subjects: dict[MessageType, tuple[str, ...]]
    letters_by_sender: dict[OrganisationType, tuple[MessageType, ...]]
    invoice_courses: tuple[InvoiceCourse, ...]


INVENTED = json.decode((files(__package__) / "invented.json").read_bytes(), type=Invented)
