"""What a projection is made of: effects, rules and the definition that names its table.

A rule is a pure function of one recorded event. It never reads a table, a clock or the network. A row belongs to one
stream (`Put`, `Set`, `Drop`), or is only ever added to (`Add`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Column, MetaData, Table

from domain.kernel import Recorded

Key: TypeAlias = tuple[Any, ...]
"""The values of a table's primary key, in the order of its columns."""

SCHEMA = "read"
METADATA = MetaData(schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole row, whether it is there or not. `row` names every column outside the key."""

    key: Key
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Set:
    """Change the named columns of a row that is there; a missing row stays missing."""

    key: Key
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add:
    """Add to the named number columns; a missing row starts at zero in all its number columns."""

    key: Key
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove the row, if it is there."""

    key: Key


Effect = Put | Set | Add | Drop
Rule: TypeAlias = Callable[[Recorded[Any]], Iterable[Effect]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model: which events change which rows of its table. A change of table or rules raises `version`."""

    name: str
    version: int
    table: Table
    rules: Mapping[type, Rule]

    @property
    def tallied(self) -> bool:
        """Whether every rule is data (`projections/tally.py`), so that one SQL statement gives the same rows."""
        # The class itself knows effects, and so cannot be known here; no other rule is data.
        return all(is_dataclass(rule) for rule in self.rules.values())


def read_table(name: str, version: int, *columns: Column[Any]) -> Table:
    """Define the table of a read model; each version has a table of its own. The key columns come first."""
    return Table(f"{name}_v{version}", METADATA, *columns)


# Belgium and the Netherlands keep the same civil time; every period of a figure is cut in it.
CIVIL_TIME = ZoneInfo("Europe/Brussels")


@lru_cache(maxsize=1_000)
def civil_month(instant: datetime) -> str:
    """Return the month of an instant in civil time, as `2021-11`. Several rules ask for that of one event."""
    local = instant.astimezone(CIVIL_TIME)
    return f"{local.year:04d}-{local.month:02d}"
