"""The open-rate table as it is shown: two years side by side, with differences, subtotal and total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.dashboard import texts
from api.dashboard.i18n import Writer
from api.dashboard.labels import ORGANISATION_TYPES, label
from api.dashboard.links import Links
from api.dashboard.tables import Cell, DataTable, name_cell, number_cell, percent_cell, points_cell
from projections.figures import OpenRateRow, OpenRateTable, Period, Quality
from projections.open_rates import WINDOWS_WEEKS


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesBlock:
    """The table, the sentence above it and the remarks below it."""

    headline: str
    table: DataTable
    remarks: tuple[str, ...]


def rates_block(rates: OpenRateTable, writer: Writer, links: Links) -> RatesBlock | None:
    """Lay the table out; nothing at all was published: no table."""
    if not rates.rows:
        return None
    groups = ["", *[writer.text(texts.MESSAGES)] * len(rates.years)]
    columns = [writer.text(texts.ORGANISATION_TYPE), *(str(year) for year in rates.years)]
    for weeks in WINDOWS_WEEKS:
        columns += [*(_year(rates, year, weeks, writer) for year in rates.years), writer.text(texts.DIFFERENCE)]
        groups += [writer.text(texts.OPENED, weeks=str(weeks))] * (len(rates.years) + 1)
    rows = [_row(label(ORGANISATION_TYPES, row.sender_type, writer), row, writer) for row in rates.rows]
    sums = [
        _row(writer.text(texts.SUBTOTAL), rates.subtotal, writer),
        _row(writer.text(texts.TOTAL), rates.total, writer),
    ]
    years = ", ".join(str(year) for year in rates.years)
    return RatesBlock(
        headline=_headline(rates, writer),
        table=DataTable(
            caption=writer.text(texts.OPEN_RATE_TABLE, years=years),
            columns=(*columns, writer.text(texts.QUALITY)),
            groups=(*groups, ""),
            rows=(*rows, *sums),
            sums=len(sums),
            csv_url=links.csv("open_rate"),
        ),
        remarks=_remarks(rates, writer),
    )


def _headline(rates: OpenRateTable, writer: Writer) -> str:
    rate = rates.total.cohorts[-1].rate(WINDOWS_WEEKS[-1])
    if rate is None:
        return writer.text(texts.OPEN_RATES)
    year = rates.years[-1]
    headline = writer.text(texts.OPEN_RATE_HEADLINE, percent=writer.percent(rate), year=str(year))
    if rates.is_provisional(year, WINDOWS_WEEKS[-1]):
        return f"{headline} ({writer.text(texts.QUALITIES[Quality.PROVISIONAL])})"
    return headline


def _year(rates: OpenRateTable, year: Period, weeks: int, writer: Writer) -> str:
    if rates.is_provisional(year, weeks):
        return f"{year} ({writer.text(texts.QUALITIES[Quality.PROVISIONAL])})"
    return str(year)


def _row(name: str, row: OpenRateRow, writer: Writer) -> tuple[Cell, ...]:
    cells = [name_cell(name), *(number_cell(cohort.published, writer) for cohort in row.cohorts)]
    for weeks in WINDOWS_WEEKS:
        cells += [percent_cell(cohort.rate(weeks), writer) for cohort in row.cohorts]
        cells.append(points_cell(row.difference(weeks), writer))
    return (*cells, name_cell(_quality(row, writer)))


def _quality(row: OpenRateRow, writer: Writer) -> str:
    said = [writer.text(texts.QUALITIES[row.quality])]
    if row.notifications_only:
        said.append(writer.text(texts.NOTIFICATIONS_ONLY))
    return ", ".join(said)


def _remarks(rates: OpenRateTable, writer: Writer) -> tuple[str, ...]:
    remarks = [texts.DIFFERENCE_NOTE]
    if any(rates.is_provisional(year, weeks) for year in rates.years for weeks in WINDOWS_WEEKS):
        remarks.append(texts.PROVISIONAL_NOTE)
    if _any_estimated((*rates.rows, rates.total)):
        remarks.append(texts.APPROXIMATE_NOTE)
    return tuple(writer.text(remark) for remark in remarks)


def _any_estimated(rows: Sequence[OpenRateRow]) -> bool:
    return any(row.quality is Quality.APPROXIMATE for row in rows)
