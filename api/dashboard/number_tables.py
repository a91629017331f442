"""A table once, written twice: as HTML beside its chart, and as CSV. Both show the same cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TypeVar

N = TypeVar("N", int, Decimal)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text on the page, and the plain value that stands for it in the CSV."""

    text: str
    raw: str | int | Decimal | None


NOTHING = Cell("\N{EN DASH}", None)
"""The cell where there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table whose first column names its rows. `csv_url` is the address of the same table as CSV.

    `groups` gives for each column the heading that it shares with its neighbours, or nothing. The last `sums` rows are
    subtotals and totals.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    csv_url: str
    groups: tuple[str, ...] = ()
    sums: int = 0

    @property
    def spans(self) -> list[tuple[str, int]]:
        """The shared headings in order, each with the number of columns below it."""
        return [(name, len(list(columns))) for name, columns in groupby(self.groups)]

    @property
    def full_columns(self) -> tuple[str, ...]:
        """The column names with their shared heading in front: one row of names, as a CSV wants."""
        groups = self.groups or ("",) * len(self.columns)
        return tuple(f"{group} {column}".strip() for group, column in zip(groups, self.columns, strict=True))


def as_csv(table: DataTable) -> str:
    """Write a table by RFC 4180, with the column names of the page and plain values."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.full_columns)
    writer.writerows([_harmless(cell.raw) for cell in row] for row in table.rows)
    return out.getvalue()


def _harmless(value: str | int | Decimal | None) -> str | int | Decimal:
    """Keep a spreadsheet from reading a name as a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def name_cell(text: str, raw: str | None = None) -> Cell:
    return Cell(text, text if raw is None else raw)


def cell(value: N | None, write: Callable[[N], str]) -> Cell:
    """Show a number as a language writes it; a dash where there is none."""
    return NOTHING if value is None else Cell(write(value), value)
