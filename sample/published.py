"""The figures that the founding documents publish, as facts with their sources: what the sample is calibrated to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from domain.organisations import OrganisationType

TYPES = {
    "municipalities": OrganisationType.MUNICIPALITY,
    "national_organisations": OrganisationType.NATIONAL_ORGANISATION,
    "vehicle_authority": OrganisationType.VEHICLE_AUTHORITY,
    "partnerships": OrganisationType.PARTNERSHIP,
    "social_insurance_bank": OrganisationType.SOCIAL_INSURANCE_BANK,
    "water_authorities": OrganisationType.WATER_AUTHORITY,
    "tax_administration": OrganisationType.TAX_ADMINISTRATION,
    "employee_insurance_agency": OrganisationType.EMPLOYEE_INSURANCE_AGENCY,
}
APART = (OrganisationType.TAX_ADMINISTRATION, OrganisationType.EMPLOYEE_INSURANCE_AGENCY)
"""The subtotal of the open-rate table leaves these two out."""

YEARS = (2017, 2018)
WINDOWS = {3: "opened_within_3_weeks_pct", 6: "opened_within_6_weeks_pct"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """A row, the subtotal or the total of the open-rate table as printed, for one year."""

    messages: int
    percent: dict[int, int]


@cache
def _facts() -> Any:  # noqa: ANN401 - a document of our own
    return json.loads((files(__package__) / "published.json").read_bytes())


@cache
def _by_id() -> dict[str, dict[str, Any]]:
    return {figure["id"]: figure for figure in _facts()["figures"]}


def figure(figure_id: str) -> dict[str, Any]:
    return _by_id()[figure_id]


def value(figure_id: str) -> int:
    return int(figure(figure_id)["value"])


def open_rate_rows(year: int) -> dict[OrganisationType, PublishedRow]:
    return {TYPES[row["organisation_type"]]: _row(row, year) for row in _facts()["open_rate_table"]["rows"]}


def open_rate_subtotal(year: int) -> PublishedRow:
    return _row(_facts()["open_rate_table"]["subtotal_without_tax_and_uwv"], year)


def open_rate_total(year: int) -> PublishedRow:
    return _row(_facts()["open_rate_table"]["total"], year)


def index_values() -> dict[str, str]:
    """Return the printed index of September/October 2017 by audience, as printed."""
    published = _facts()["index"]["published"]["2017-09/2017-10"]
    return {audience: f"{index:.2f}" for audience, index in published.items()}


def _row(row: dict[str, Any], year: int) -> PublishedRow:
    key = str(year)
    return PublishedRow(
        messages=row["messages"][key], percent={weeks: row[name][key] for weeks, name in WINDOWS.items()}
    )
