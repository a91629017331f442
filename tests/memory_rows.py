"""A read model in memory: the plain meaning of the effects, which every other way of running them must equal."""

from __future__ import annotations

from typing import Any

from domain.kernel import Recorded
from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set
from projections.read_model import ReadModel


class MemoryRows:
    """Applies a projection event by event to rows in a dict: key -> the columns outside the key."""

    def __init__(self, projection: ReadModel) -> None:
        self._projection = projection
        self._zeros = {c.name: 0 for c in projection.table.columns if not c.primary_key}
        self.rows: dict[RowKey, dict[str, Any]] = {}

    def apply(self, recorded: Recorded[Any]) -> None:
        rule = self._projection.rules.get(type(recorded.event))
        if rule is not None:
            for effect in rule(recorded):
                self._apply(effect)

    def _apply(self, effect: AnyEffect) -> None:
        match effect:
            case Put(key=key, cells=row):
                self.rows[key] = dict(row)
            case Set(key=key, cells=values):
                if key in self.rows:
                    self.rows[key].update(values)
            case Add(key=key, cells=amounts):
                row = self.rows.setdefault(key, dict(self._zeros))
                for column, amount in amounts.items():
                    row[column] += amount
            case Drop(key=key):
                self.rows.pop(key, None)
