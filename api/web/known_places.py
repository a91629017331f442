"""The places of read models at a moment, and what many requests ask of them, computed once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson

from projections.progress import Place

MAX_NEEDED = 256
"""Sets of tables of which what was asked is kept, while the places are the same."""


@dataclass(frozen=True)
class NeededPlaces:
    """The places of the read models that a request reads, by the names of their tables."""

    of: Mapping[str, Place]

    @cached_property
    def missing(self) -> Sequence[str]:
        """The names of read models that have no rows yet."""
        return sorted(place.name for place in self.of.values() if not place.built)

    @cached_property
    def position(self) -> int:
        """The position that all of them have reached."""
        return min((place.position for place in self.of.values()), default=0)

    @cached_property
    def json(self) -> bytes:
        return orjson.dumps([_shown(place) for place in sorted(self.of.values(), key=lambda place: place.name)])


NOTHING_READ = NeededPlaces({})


class KnownPlaces:
    """The places of all read models, as they were read."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.tables = frozenset(places)
        self._places = places
        self._needed: dict[frozenset[str], NeededPlaces] = {}

    def needed(self, tables: frozenset[str]) -> NeededPlaces:
        """Return the places of the read models with these tables."""
        known = self._needed.get(tables)
        if known is None:
            if len(self._needed) >= MAX_NEEDED:
                self._needed.clear()
            known = self._needed[tables] = NeededPlaces({table: self._places[table] for table in tables})
        return known


def known_places(read: Callable[[], Awaitable[Mapping[str, Place]]]) -> Callable[[], Awaitable[KnownPlaces]]:
    """Return what reads the places of all read models."""

    async def reading() -> KnownPlaces:
        return KnownPlaces(await read())

    return reading


def _shown(place: Place) -> Mapping[str, object]:
    return {
        "name": place.name,
        "version": place.version,
        "position": place.position,
        "lagEvents": place.lag_events,
        "lagS": round(place.lag_s, 3),
    }
