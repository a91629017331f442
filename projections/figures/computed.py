"""What was computed of the figures' rows, as long as these rows stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

from domain.kernel import Jurisdiction
from projections import service_use, services
from projections.figures.index import IndexSeries

MAX_COMPUTED = 8
"""Indices that are remembered, all target groups of a country together."""


@dataclass(frozen=True, slots=True)
class FiguresVersion:
    """What tells one state of the rows that figures are computed from from another, by read model.

    A state changes with the events that its read model counts and not with others, such as accesses to personal data.
    """

    states: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join(f"{name}={state}" for name, state in self.states.items())


@dataclass(frozen=True, slots=True)
class _Key:
    jurisdiction: Jurisdiction
    day: date
    states: tuple[str, ...]


class ComputedIndices:
    """The indices of use as they were last computed. Threads may share it."""

    def __init__(self) -> None:
        self._computed: dict[_Key, Sequence[IndexSeries]] = {}
        self._lock = Lock()

    def find(self, jurisdiction: Jurisdiction, day: date, version: FiguresVersion) -> Sequence[IndexSeries] | None:
        """Return the indices that were computed of the same rows on the same civil day."""
        key = _key(jurisdiction, day, version)
        return None if key is None else self._computed.get(key)

    def add(
        self, jurisdiction: Jurisdiction, day: date, version: FiguresVersion, indices: Sequence[IndexSeries]
    ) -> None:
        """Remember indices; the oldest ones are forgotten."""
        if (key := _key(jurisdiction, day, version)) is None:
            return
        with self._lock:
            self._computed[key] = indices
            if len(self._computed) > MAX_COMPUTED:
                del self._computed[next(iter(self._computed))]


def _key(jurisdiction: Jurisdiction, day: date, version: FiguresVersion) -> _Key | None:
    """Return the key of indices; None if the state of their rows is not known."""
    names = (service_use.READ_MODEL.name, services.READ_MODEL.name)
    if not all(name in version.states for name in names):
        return None
    return _Key(jurisdiction, day, tuple(version.states[name] for name in names))
