"""The open-rate table as it is shown: two years side by side, with differences, subtotal and total."""

from __future__ import annotations

from dataclasses import dataclass

from api.dashboard.localiser import Localiser
from api.dashboard.number_tables import DataTable, cell
from api.dashboard.page_context import PageContext
from projections.figures.figure_definitions import OPEN_RATE
from projections.figures.figure_values import Quality
from projections.figures.open_rate_table import OpenRateRow, OpenRateTable
from projections.figures.period import Period
from projections.figures.shares import MIN_CELL
from projections.open_rates import WINDOWS_WEEKS


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesBlock:
    """The table, the sentence above it and the remarks below it."""

    headline: str
    table: DataTable
    remarks: tuple[str, ...]


def rates_block(rates: OpenRateTable, page: PageContext) -> RatesBlock | None:
    """Lay out the table; None if nothing at all was published."""
    covered = frozenset(page.history.months_of(OPEN_RATE.id))
    if not rates.rows or covered.isdisjoint(rates.years[-1].months):
        return None
    localiser = page.localiser
    groups = ["", *[localiser.text("messages")] * len(rates.years)]
    columns = [localiser.text("organisation_type"), *(str(year) for year in rates.years)]
    for weeks in WINDOWS_WEEKS:
        years = (_provisional(str(year), rates, year, weeks, localiser) for year in rates.years)
        columns += [*years, localiser.text("difference")]
        groups += [localiser.text("opened", weeks=str(weeks))] * (len(rates.years) + 1)
    rows = [_row(localiser.name("organisation_type", row.sender_type), row, localiser) for row in rates.rows]
    sums = [
        _row(localiser.text("subtotal"), rates.subtotal, localiser),
        _row(localiser.text("total"), rates.total, localiser),
    ]
    return RatesBlock(
        headline=_headline(rates, localiser),
        table=DataTable(
            caption=localiser.text("open_rate_table", years=", ".join(str(year) for year in rates.years)),
            columns=(*columns, localiser.text("quality")),
            groups=(*groups, ""),
            rows=(*rows, *sums),
            sums=len(sums),
            files=page.links.files("open_rate"),
        ),
        remarks=_remarks(rates, localiser),
    )


def _headline(rates: OpenRateTable, localiser: Localiser) -> str:
    year, weeks = rates.years[-1], WINDOWS_WEEKS[-1]
    rate = rates.total.cohorts[-1].rate(weeks)
    if rate is None:
        return localiser.text("open_rates")
    headline = localiser.text("open_rate_headline", percent=localiser.percent(rate), year=str(year))
    return _provisional(headline, rates, year, weeks, localiser)


def _provisional(text: str, rates: OpenRateTable, year: Period, weeks: int, localiser: Localiser) -> str:
    """Mark a text about messages that may still be opened within the window."""
    return f"{text} ({localiser.text('quality.provisional')})" if rates.is_provisional(year, weeks) else text


def _row(name: str, row: OpenRateRow, localiser: Localiser) -> tuple[str, ...]:
    # A year in which nothing was published is shown without a number: nobody can tell it from one without history.
    cells = [name, *(cell(cohort.published or None, localiser.number) for cohort in row.cohorts)]
    for weeks in WINDOWS_WEEKS:
        cells += [cell(cohort.rate(weeks), localiser.percent) for cohort in row.cohorts]
        cells.append(cell(row.difference(weeks), localiser.points))
    quality = localiser.text(f"quality.{row.quality}")
    if row.notifications_only:
        quality = f"{quality}, {localiser.text('notifications_only')}"
    return (*cells, quality)


def _remarks(rates: OpenRateTable, localiser: Localiser) -> tuple[str, ...]:
    remarks = [localiser.text("difference_note")]
    if any(rates.is_provisional(year, weeks) for year in rates.years for weeks in WINDOWS_WEEKS):
        remarks.append(localiser.text("provisional_note"))
    if any(0 < cohort.published < MIN_CELL for row in rates.rows for cohort in row.cohorts):
        remarks.append(localiser.text("few_messages_note", least=str(MIN_CELL)))
    if any(row.quality is Quality.APPROXIMATE for row in (*rates.rows, rates.total)):
        remarks.append(localiser.text("approximate_note"))
    return tuple(remarks)
