"""The definitions of a projector: the codec of its events, and its read models.

Rules are functions and cannot be sent to another process: a process that fills tables gets the name of a function that
returns the definitions, as `module:function`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TypeAlias

from domain.contexts import DECIDERS
from domain.kernel import AnyDecider
from infrastructure.codec import Codec
from infrastructure.event_log.log_statements import BASIC_COLUMNS, FURTHER_COLUMNS
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from infrastructure.projector.rules.compiled import (
    CompiledModel,
    Traces,
    by_event_reason,
    compiled,
    context_of,
    traces_of,
)
from infrastructure.projector.rules.generating import Apply
from projections.effects import AnyRule
from projections.read_model import ReadModel
from projections.registry import PROJECTIONS

Wanted: TypeAlias = tuple[int, AnyRule, Apply | None]
"""The number of a fold, its rule for a class of events, and the function that was generated from the rule."""

PLATFORM = "infrastructure.projector.rows.definitions:platform"


class UnknownProjectionError(LookupError):
    """There is no read model of that name."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """The deciders of the log's events, the projections over them, and the name under which `find` finds this."""

    reference: str
    codec: Codec = field(compare=False)
    projections: Mapping[str, ReadModel] = field(compare=False)
    categories: Mapping[type, str] = field(compare=False)
    """The category of the streams of each class of events."""
    further: tuple[str, ...] = field(compare=False)
    """The columns that rules read beside the basic ones, in the order of the log."""
    models: Mapping[str, CompiledModel] = field(compare=False)
    """The read models that fold events, all but those that only count, by name."""
    wanted: dict[tuple[tuple[str, int], ...], dict[str, list[Wanted]]] = field(compare=False, default_factory=dict)
    """By the read models that are folded together: which of them have rules for which events (`rows/folding.py`)."""
    limits: ProjectorLimits = field(default_factory=ProjectorLimits, compare=False)

    def names(self, projection: ReadModel) -> Sequence[str]:
        """Return the stored names of the events that a projection has rules for."""
        return sorted(self.codec.names[event] for event in projection.rules)

    def chosen(self, names: Collection[str]) -> Sequence[ReadModel]:
        """Return the projections of these names, in the order of the registry; all projections if none is named."""
        for name in names:
            if name not in self.projections:
                raise UnknownProjectionError(name)
        return [projection for name, projection in self.projections.items() if not names or name in names]


def definitions(reference: str, deciders: Sequence[AnyDecider], projections: Sequence[ReadModel]) -> Definitions:
    folded = [it for it in projections if not it.tallied]
    traces = {it.name: traces_of(it) for it in folded}
    further = _further(folded, traces)
    places = {name: at for at, name in enumerate((*BASIC_COLUMNS, *further))}
    return Definitions(
        reference=reference,
        codec=Codec(deciders),
        further=further,
        models={it.name: compiled(it, traces[it.name], places) for it in folded},
        projections={projection.name: projection for projection in projections},
        categories={event: decider.category for decider in deciders for event in decider.events.values()},
    )


def _further(read_models: Sequence[ReadModel], traces: Mapping[str, Traces]) -> tuple[str, ...]:
    """Return the columns that are read beside the basic ones: all where a rule is called by event."""
    if any(by_event_reason(rule) for it in read_models for rule in it.rules.values()):
        return FURTHER_COLUMNS
    read = {name for some in traces.values() for name in context_of(some)}
    return tuple(name for name in FURTHER_COLUMNS if name in read)


@cache
def platform() -> Definitions:
    """Return the definitions of this release. Raises RuleError for a rule that does not fit its rows."""
    return definitions(PLATFORM, DECIDERS, PROJECTIONS)


def find(reference: str) -> Definitions:
    """Return the definitions that `module:function` returns."""
    module, _, name = reference.partition(":")
    make: Callable[[], Definitions] = getattr(import_module(module), name)
    return make()
