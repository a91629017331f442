"""What the projector works with: how events are decoded, and the read models made of them.

A process that helps in a rebuild cannot be given rules, which are functions. It is told where the definitions lie, as
`module:function`, and calls that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from domain.contexts import DECIDERS
from domain.kernel import Decider
from infrastructure.codec import Codec
from projections.read_model import ReadModel
from projections.registry import PROJECTIONS

PLATFORM = "infrastructure.projector.rows.definitions:platform"


class UnknownProjectionError(LookupError):
    """There is no read model of that name."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """The deciders whose events the log holds, the projections over them, and where this can be found again."""

    reference: str
    codec: Codec = field(compare=False)
    projections: Mapping[str, ReadModel] = field(compare=False)
    categories: Mapping[type, str] = field(compare=False)
    """In the streams of which category the events of a class lie."""

    def names(self, projection: ReadModel) -> Sequence[str]:
        """Return the stored names of the events that a projection has rules for."""
        return sorted(self.codec.names[event] for event in projection.rules)

    def chosen(self, names: Collection[str]) -> Sequence[ReadModel]:
        """Return the projections of these names, in the order of the registry; all of them if none is named."""
        for name in names:
            if name not in self.projections:
                raise UnknownProjectionError(name)
        return [projection for name, projection in self.projections.items() if not names or name in names]


def definitions(
    reference: str, deciders: Sequence[Decider[Any, Any, Any]], projections: Sequence[ReadModel]
) -> Definitions:
    return Definitions(
        reference=reference,
        codec=Codec(deciders),
        projections={projection.name: projection for projection in projections},
        categories={event: decider.category for decider in deciders for event in decider.events.values()},
    )


def platform() -> Definitions:
    """Return the definitions of this release."""
    return definitions(PLATFORM, DECIDERS, PROJECTIONS)


def find(reference: str) -> Definitions:
    """Return the definitions that `module:function` gives."""
    module, _, name = reference.partition(":")
    make: Callable[[], Definitions] = getattr(import_module(module), name)
    return make()
