"""The rows of one projection in memory, while whole streams are folded: what a rebuild writes at once.

Looking at each effect costs as much as its rule. Here the values are looked at column by column when the rows are
written, and values that a later effect covered with them: if all fit, every effect did. If not, the streams are folded
again with each effect looked at, to find the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from infrastructure.projector.rows.effect_checks import LEAST, MOST, MisfitError
from infrastructure.projector.rows.tables import ReadTable
from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set


@dataclass(slots=True)
class BulkRows:
    """Whole rows by key, sums by key, and what was covered: rows, and values by column."""

    rows: dict[RowKey, dict[str, Any]] = field(default_factory=dict)
    sums: dict[RowKey, dict[str, int]] = field(default_factory=dict)
    covered_rows: list[tuple[RowKey, dict[str, Any]]] = field(default_factory=list)
    covered_keys: list[RowKey] = field(default_factory=list)
    covered: dict[str, list[Any]] = field(default_factory=dict)

    def take(self, effect: AnyEffect) -> None:
        kind = type(effect)
        if kind is Put:
            self._put(effect)  # type: ignore[arg-type]
        elif kind is Set:
            self._set(effect)  # type: ignore[arg-type]
        elif kind is Add:
            add(self.sums, effect.key, effect.amounts)  # type: ignore[union-attr]
        else:
            assert kind is Drop
            self._cover(effect.key, self.rows.pop(effect.key, None))

    def _put(self, effect: Put[Any]) -> None:
        key, rows = effect.key, self.rows
        if key in rows:
            self._cover(key, rows[key])
        rows[key] = dict(effect.row)

    def _set(self, effect: Set[Any]) -> None:
        row, covered = self.rows.get(effect.key), self.covered
        if row is None:
            self.covered_keys.append(effect.key)
        for column, value in effect.values.items():
            if row is None:
                old = value
            else:
                old, row[column] = row[column], value
            held = covered.get(column)
            if held is None:
                covered[column] = [old]
            else:
                held.append(old)

    def _cover(self, key: RowKey, row: dict[str, Any] | None) -> None:
        if row is None:
            self.covered_keys.append(key)
        else:
            self.covered_rows.append((key, row))

    def fitting(self, table: ReadTable) -> Sequence[Sequence[Any]]:
        """Return the rows as they are written, the key first. Raises ValueError where something does not fit."""
        fits = table.check
        for key, row in self.covered_rows:
            fits(Put(key, row))
        for key in self.covered_keys:
            fits(Drop(key))
        for column, values in self.covered.items():
            fits.column(column, values)
        if self.sums:
            fits.sums(self.sums)
        written = list(in_columns(self.rows, table.others))
        if written:
            fits.whole(self.rows.values())
            for column, cells in zip((*table.keys, *table.others), zip(*written, strict=True), strict=True):
                fits.column(column, cells)
        return written


def add(sums: dict[RowKey, dict[str, int]], key: RowKey, amounts: Mapping[str, int]) -> None:
    held = sums.get(key)
    if held is None:
        sums[key] = held = {}
    for column, amount in amounts.items():
        if type(amount) is not int or not LEAST <= amount <= MOST:
            raise MisfitError(f"{column} cannot hold what it was given")
        held[column] = held.get(column, 0) + amount


def in_columns(rows: Mapping[RowKey, Mapping[str, Any]], columns: Sequence[str]) -> Iterable[Sequence[Any]]:
    """Return the columns of the key and then the others, which each row has."""
    if len(columns) == 1:
        (column,) = columns
        return ((*key, row[column]) for key, row in rows.items())
    values = itemgetter(*columns) if columns else lambda _row: ()
    return (key + values(row) for key, row in rows.items())
