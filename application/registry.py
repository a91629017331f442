"""The one list of deciders, and of how their commands learn the facts of other streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from application.facts import access as access_facts
from application.facts import bus as bus_facts
from application.facts import consent as consent_facts
from application.facts import erasure as erasure_facts
from application.facts import identity as identity_facts
from application.facts import invoicing as invoicing_facts
from application.facts import mailbox as mailbox_facts
from application.facts import organisations as organisations_facts
from application.gathering import Rules
from application.ports import FactReader
from domain import access, bus, consent, identity, invoicing, mailbox, operation, organisations
from domain.erasure.rules import ERASURE
from domain.kernel import Command, Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    *organisations.DECIDERS,
    *identity.DECIDERS,
    consent.CONSENT,
    *mailbox.DECIDERS,
    *bus.DECIDERS,
    *invoicing.DECIDERS,
    operation.OPERATION,
    ERASURE,
    *access.DECIDERS,
)

READERS: Mapping[type, FactReader] = {
    **organisations_facts.READERS,
    **identity_facts.READERS,
    **consent_facts.READERS,
    **mailbox_facts.READERS,
    **bus_facts.READERS,
    **invoicing_facts.READERS,
    **erasure_facts.READERS,
    **access_facts.READERS,
}

EVENT_NAMES: Mapping[type, str] = {event: name for decider in DECIDERS for name, event in decider.events.items()}
"""Under which name each event is stored."""

BY_COMMAND: Mapping[type[Command], Decider[Any, Any, Any]] = {
    command: decider for decider in DECIDERS for command in decider.commands
}

RULES = Rules(deciders=BY_COMMAND, readers=READERS)
