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
    """A row, the subtotal or the total of the open-rate table as printed, by year."""

    messages: dict[int, int]
    opened_within_3_weeks_pct: dict[int, int]
    opened_within_6_weeks_pct: dict[int, int]
    organisation_type: OrganisationType | None = None

    def percent(self, year: int, weeks: int) -> int:
        return {3: self.opened_within_3_weeks_pct, 6: self.opened_within_6_weeks_pct}[weeks][year]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenRates:
    rows: tuple[PublishedRow, ...]
    subtotal_without_tax_and_uwv: PublishedRow
    total: PublishedRow


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
OPEN_RATES = {row.organisation_type: row for row in _FACTS.open_rate_table.rows if row.organisation_type}
OPEN_RATE_SUBTOTAL, OPEN_RATE_TOTAL = _FACTS.open_rate_table.subtotal_without_tax_and_uwv, _FACTS.open_rate_table.total


def figure(figure_id: str) -> PublishedFigure:
    return _FIGURES[figure_id]


def index_values() -> dict[Audience, str]:
    """Return the printed index of September/October 2017 by audience, as printed."""
    return {audience: f"{value:.2f}" for audience, value in _FACTS.index.published["2017-09/2017-10"].items()}
