"""Many effects on a row become one effect with the same result: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set


def coalesce(effects: Iterable[AnyEffect]) -> Mapping[RowKey, AnyEffect]:
    """Fold effects, in order, into one for each key."""
    folded: dict[RowKey, AnyEffect] = {}
    for effect in effects:
        earlier = folded.get(effect.key)
        folded[effect.key] = effect if earlier is None else _merge(earlier, effect)
    return folded


def _merge(earlier: AnyEffect, later: AnyEffect) -> AnyEffect:
    match earlier, later:
        case _, Put() | Drop():
            return later
        case Put(key=key, row=row), Set(values=values):
            return Put(key, {**row, **values})
        case Set(key=key, values=values), Set(values=newer):
            return Set(key, {**values, **newer})
        case Drop(), Set():
            return earlier
        case Add(key=key, amounts=amounts), Add(amounts=more):
            return Add(key, {c: amounts.get(c, 0) + more.get(c, 0) for c in (*amounts, *more)})
        case _:
            raise ValueError(f"a row is either set or added to: {earlier} then {later}")
