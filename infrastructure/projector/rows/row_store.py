"""The rows of one read model in memory, which generated functions and single effects change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from infrastructure.projector.rows.effect_checks import EffectCheck, MisfitError
from infrastructure.projector.rules.compiled import CompiledModel
from infrastructure.projector.rules.generating import Apply, Dropped
from projections.effects import Add, AnyEffect, Drop, Put, RowKey

Cells: TypeAlias = list[Any]
Change: TypeAlias = Cells | dict[int, Any]
"""A whole row, or the changed columns of one by their numbers."""


class RowStore:
    """Rows by key, each a list in the order of the columns, those of the key first. Sums have no key columns.

    Where whole streams are folded, a row that is not here does not exist. Otherwise a change of such a row is a dict of
    column numbers, and a row that is removed stays as `Dropped`. A key of one column stands for itself. Rows that no
    second event can touch are `appended` to a list instead.
    """

    def __init__(self, model: CompiledModel, check: EffectCheck, *, whole_streams: bool) -> None:
        self.model = model
        self.functions: Mapping[type, Apply] = model.in_whole if whole_streams else model.in_part
        self.additive: bool | None = model.additive if model.traces else None
        self.rows: Any = [] if model.appended else {}
        self._check = check
        self._whole_streams = whole_streams
        self._row = model.read_model.row
        self._keys = len(self._row.__keys__)

    def check(self, effect: AnyEffect) -> None:
        """Raise MisfitError for an effect that cannot be written."""
        self._check(effect)
        if self.additive is None:
            self.additive = isinstance(effect, Add)
        if self.additive is not isinstance(effect, Add):
            raise MisfitError("a row is either set or added to")

    def take(self, effect: AnyEffect) -> None:
        """Change the rows by an effect that was checked."""
        key = effect.key[0] if self._keys == 1 else effect.key
        places = self._row.__places__
        match effect:
            case Put(cells=cells):
                row = [*effect.key, *(cells[name] for name in self._row.__others__)]
                if self.model.appended:
                    self.rows.append(row)
                else:
                    self.rows[key] = row
            case Add(cells=amounts):
                sums = self.rows.setdefault(key, [0] * len(self._row.__others__))
                for name, amount in amounts.items():
                    sums[places[name] - self._keys] += amount
            case Drop() if self._whole_streams:
                self.rows.pop(key, None)
            case Drop():
                self.rows[key] = Dropped()
            case _ if not self._whole_streams or key in self.rows:
                changed = self.rows.setdefault(key, {})
                for name, value in effect.cells.items():
                    changed[places[name]] = value

    def written(self) -> Iterable[Sequence[object]]:
        """Return whole rows, or sums with their keys."""
        if self.additive:
            return self.with_keys(self.rows)
        rows: Iterable[Cells] = self.rows if self.model.appended else self.rows.values()
        return rows

    def with_keys(self, sums: Mapping[object, Sequence[int]]) -> Sequence[Sequence[object]]:
        return [(*self.key_of(key), *amounts) for key, amounts in sums.items()]

    def key_of(self, key: object) -> RowKey:
        """Return the values of the key columns."""
        return key if self._keys > 1 and isinstance(key, tuple) else (key,)
