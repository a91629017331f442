"""The one list of bounded contexts.

A context is a module of this package, or a package of aggregates. `api/rest/<context>.py` routes its commands;
`application/facts/<context>.py`, if there is one, reads what they have to know of other contexts.
"""

from __future__ import annotations

from types import ModuleType

from domain import (
    access,
    bus,
    consent,
    erasure,
    identity,
    invoicing,
    mailbox,
    operation,
    organisations,
    reactors,
)
from domain.kernel import AnyDecider

CONTEXTS: tuple[ModuleType, ...] = (
    organisations,
    identity,
    consent,
    mailbox,
    bus,
    invoicing,
    operation,
    reactors,
    erasure,
    access,
)
DECIDERS: tuple[AnyDecider, ...] = tuple(decider for context in CONTEXTS for decider in context.DECIDERS)


def name_of(context: ModuleType) -> str:
    return context.__name__.rpartition(".")[2]
