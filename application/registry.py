"""Who decides a command, and who reads its facts: of all contexts in `domain/contexts.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec

from application.gathering import Rules
from application.ports import FactReader
from domain.contexts import CONTEXTS, DECIDERS, name_of
from domain.kernel import AnyDecider, Command


def _readers() -> Iterator[tuple[type, FactReader]]:
    """Yield the readers of facts; a context whose commands need no facts of others has no module of them."""
    for context in CONTEXTS:
        module = f"application.facts.{name_of(context)}"
        if find_spec(module) is not None:
            yield from import_module(module).READERS.items()


READERS: Mapping[type, FactReader] = dict(_readers())

EVENT_NAMES: Mapping[type, str] = {event: name for decider in DECIDERS for name, event in decider.events.items()}
"""Under which name each event is stored."""

BY_COMMAND: Mapping[type[Command], AnyDecider] = {command: decider for decider in DECIDERS for command in decider.rules}

RULES = Rules(deciders=BY_COMMAND, readers=READERS)
