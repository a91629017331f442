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


BY_COMMAND: Mapping[type[Command], AnyDecider] = {command: decider for decider in DECIDERS for command in decider.rules}

_BY_FAMILY: Mapping[type, FactReader] = dict(_readers())


def _reader_of(command: type) -> FactReader | None:
    """Return the reader of a command's own class, or else of the nearest class of its family."""
    return next((_BY_FAMILY[family] for family in command.__mro__ if family in _BY_FAMILY), None)


READERS: Mapping[type, FactReader] = {
    command: reader for command in BY_COMMAND if (reader := _reader_of(command)) is not None
}

EVENT_NAMES: Mapping[type, str] = {event: name for decider in DECIDERS for name, event in decider.events.items()}
"""Under which name each event is stored."""

RULES = Rules(deciders=BY_COMMAND, readers=READERS)
