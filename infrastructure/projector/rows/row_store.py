"""The rows of one read model in memory while events are folded: what generated functions and single effects change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infrastructure.projector.rows.effect_checks import Fitting, MisfitError
from infrastructure.projector.rules.compiled import CompiledModel
from infrastructure.projector.rules.generating import Apply, Dropped
from projections.effects import Add, AnyEffect, Drop, Put, RowKey


class RowStore:
    """Rows by key, each a list in the order of the columns, those of the key first. Sums have no key columns.

    Where whole streams are folded, a row that is not here does not exist. Otherwise a change of such a row is a dict of
    column numbers, and a row that is removed stays as `Dropped`. A key of one column stands for itself. Rows that no
    second event can touch are `appended` to a list instead.
    """

    def __init__(self, model: CompiledModel, check: Fitting, *, whole_streams: bool) -> None:
        self.model = model
        self.functions: Mapping[type, Apply] = model.in_whole if whole_streams else model.in_part
        self.additive: bool | None = model.additive if model.traces else None
        self.rows: Any = [] if model.appended else {}
        self._check = check
        self._whole_streams = whole_streams
        self._numbers, self._keys = model.numbers, model.keys

    def check(self, effect: AnyEffect) -> None:
        """Raise MisfitError for an effect that cannot be written."""
        self._check(effect)
        if self.additive is None:
            self.additive = isinstance(effect, Add)
        if self.additive is not isinstance(effect, Add):
            raise MisfitError("a row is either set or added to")

    def take(self, effect: AnyEffect) -> None:
        """Change the rows by an effect that was checked."""
        if self.model.appended:
            self.rows.append(self._row(effect))
            return
        rows: dict[Any, Any] = self.rows
        key = effect.key[0] if self._keys == 1 else effect.key
        if isinstance(effect, Put):
            rows[key] = self._row(effect)
        elif isinstance(effect, Drop):
            if self._whole_streams:
                rows.pop(key, None)
            else:
                rows[key] = Dropped()
        elif isinstance(effect, Add):
            sums = rows.setdefault(key, [0] * (len(self._numbers) - self._keys))
            for name, amount in effect.cells.items():
                sums[self._numbers[name] - self._keys] += amount
        else:
            found = rows.get(key)
            if found is None and not self._whole_streams:
                rows[key] = found = {}
            if found is not None:
                for name, value in effect.cells.items():
                    found[self._numbers[name]] = value

    def _row(self, effect: AnyEffect) -> list[Any]:
        return [*effect.key, *(effect.cells[name] for name in self.model.read_model.row.__others__)]

    def written(self) -> Iterable[Sequence[Any]]:
        """Return whole rows, or sums with their keys."""
        if self.additive:
            return self.with_keys(self.rows)
        rows: Iterable[Sequence[Any]] = self.rows if self.model.appended else self.rows.values()
        return rows

    def with_keys(self, sums: Mapping[Any, Sequence[int]]) -> Sequence[Sequence[Any]]:
        if self._keys == 1:
            return [(key, *amounts) for key, amounts in sums.items()]
        return [(*key, *amounts) for key, amounts in sums.items()]

    def key_of(self, key: Any) -> RowKey:  # noqa: ANN401 - of one column or a tuple
        return (key,) if self._keys == 1 else key
