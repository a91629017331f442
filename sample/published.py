"""The figures that the founding documents publish, as facts with their sources: what the sample is calibrated to."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from msgspec import json

from domain.kernel import Audience
from domain.organisations.values import OrganisationType

APART = (OrganisationType.TAX_ADMINISTRATION, OrganisationType.EMPLOYEE_INSURANCE_AGENCY)
"""The subtotal of the open-rate table leaves these two out."""

YEARS = (2017, 2018)
WINDOWS_WEEKS = (3, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigure:
    """One figure as printed; `growth_pct` is against the same period a year earlier, where it is printed too."""

    id: str
    value: int
    quality: str
    growth_pct: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A row, the subtotal or the total of the open-rate table as printed, for one year."""

    messages: int
    percent: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    messages: dict[int, int]
    opened_within_3_weeks_pct: dict[int, int]
    opened_within_6_weeks_pct: dict[int, int]

    def of(self, year: int) -> PublishedRow:
        percent = {3: self.opened_within_3_weeks_pct[year], 6: self.opened_within_6_weeks_pct[year]}
        return PublishedRow(messages=self.messages[year], percent=percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row(_Sum):
    organisation_type: OrganisationType


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenRates:
    rows: tuple[_Row, ...]
    subtotal_without_tax_and_uwv: _Sum
    total: _Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    published: dict[str, dict[Audience, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Published:
    figures: tuple[PublishedFigure, ...]
    open_rate_table: _OpenRates
    index: _Index


_FACTS = json.decode((files(__package__) / "published.json").read_bytes(), type=_Published)
_FIGURES = {figure.id: figure for figure in _FACTS.figures}


def figure(figure_id: str) -> PublishedFigure:
    return _FIGURES[figure_id]


def open_rate_rows(year: int) -> dict[OrganisationType, PublishedRow]:
    return {row.organisation_type: row.of(year) for row in _FACTS.open_rate_table.rows}


def open_rate_subtotal(year: int) -> PublishedRow:
    return _FACTS.open_rate_table.subtotal_without_tax_and_uwv.of(year)


def open_rate_total(year: int) -> PublishedRow:
    return _FACTS.open_rate_table.total.of(year)


def index_values() -> dict[Audience, str]:
    """Return the printed index of September/October 2017 by audience, as printed."""
    return {audience: f"{value:.2f}" for audience, value in _FACTS.index.published["2017-09/2017-10"].items()}
