"""A table of a page: the numbers beside a chart. The same numbers as a file: `datasets`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TypeVar

from api.dashboard.links import Files

N = TypeVar("N", int, Decimal)

NOTHING = "\N{EN DASH}"
"""The cell where there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table whose first column names its rows; `files` are the addresses of its numbers as files.

    `groups` gives for each column the heading that it shares with its neighbours, or nothing. The last `sums` rows are
    subtotals and totals.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    files: Files
    groups: tuple[str, ...] = ()
    sums: int = 0

    @property
    def spans(self) -> list[tuple[str, int]]:
        """The shared headings in order, each with the number of columns below it."""
        return [(name, len(list(columns))) for name, columns in groupby(self.groups)]


def cell(value: N | None, write: Callable[[N], str]) -> str:
    """Show a number as a language writes it; a dash where there is none."""
    return NOTHING if value is None else write(value)
