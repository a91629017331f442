"""A figure as a file: one observation in a row under names that are the same in every language, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from api.dashboard.page_context import PageContext
from projections.figures.definition import Definition
from projections.figures.figure_values import Figure, Point, Quality
from projections.figures.index import IndexSeries
from projections.figures.open_rate_table import OpenRateRow, OpenRateTable
from projections.figures.period import Period
from projections.figures.shares import Share, whole_percents
from projections.figures.translations import Language
from projections.open_rates import WINDOWS_WEEKS

Value: TypeAlias = str | int | Decimal | bool | None
Observation: TypeAlias = Mapping[str, Value]

BYTE_ORDER_MARK = "\ufeff"
"""By this a spreadsheet knows that the text is UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The observations of a figure, each under the names of `columns`."""

    definition: Definition
    dimension: str
    columns: tuple[str, ...]
    observations: Sequence[Observation]


# --- Files ----------------------------------------------------------------------------------------------------------


def as_csv(dataset: Dataset, page: PageContext) -> str:
    """Write a dataset by RFC 4180 in UTF-8 with a byte order mark: one row of names, plain values.

    Each row says beside its values of which figure, by which definition and up to which position of the log.
    """
    about = _about(dataset, page)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*dataset.columns, *about))
    for observation in dataset.observations:
        values = [*(observation[name] for name in dataset.columns), *about.values()]
        writer.writerow([_plain(value) for value in values])
    return BYTE_ORDER_MARK + out.getvalue()


def as_json(dataset: Dataset, page: PageContext) -> Mapping[str, object]:
    """Return the same as a document: what each row of the CSV repeats stands in it once."""
    months = page.history.months_of(dataset.definition.id)
    title, text = dataset.definition.title, dataset.definition.text
    return {
        **_about(dataset, page),
        "dimension": dataset.dimension or None,
        "period": str(page.period),
        "definition": {
            "title": {language.value: title.in_language(language) for language in Language},
            "text": {language.value: text.in_language(language) for language in Language},
            "window": dataset.definition.window.value,
            "timeZone": dataset.definition.time_zone,
            "events": list(dataset.definition.events),
        },
        "history": {"first": months[0], "last": months[-1]} if months else None,
        "observations": [
            {name: _number(observation[name]) for name in dataset.columns} for observation in dataset.observations
        ],
    }


def _about(dataset: Dataset, page: PageContext) -> Observation:
    return {
        "unit": dataset.definition.unit.value,
        "figure": dataset.definition.id,
        "definitionVersion": dataset.definition.version,
        "jurisdiction": page.jurisdiction.value,
        "position": page.snapshot.position,
        "sample": page.snapshot.sample,
        "licence": page.licence,
    }


def _plain(value: Value) -> str | int | Decimal:
    """Write a value for a spreadsheet, which would otherwise read some names as formulas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _number(value: Value) -> str | float | None:
    return float(value) if isinstance(value, Decimal) else value


def _written(quality: Quality) -> str:
    return quality.replace("_", "-")


# --- Datasets -------------------------------------------------------------------------------------------------------


def series_dataset(figure: Figure, points: Sequence[Point]) -> Dataset:
    """List one figure month by month, the latest month first."""
    rows = [
        {"period": str(point.period), "value": point.known, "quality": _written(point.quality)}
        for point in reversed(points)
    ]
    return Dataset(
        definition=figure.definition, dimension="", columns=("period", "value", "quality"), observations=rows
    )


def users_dataset(series: Sequence[tuple[Figure, Sequence[Point]]], dimension: str) -> Dataset:
    """List figures side by side month by month, the latest month first, each under its own name."""
    names = [_camel(figure.definition.id) for figure, _ in series]
    rows = [
        {
            "period": str(points[0].period),
            **{name: point.known for name, point in zip(names, points, strict=True)},
            "quality": _written(points[0].quality),
        }
        for points in zip(*(points for _, points in series), strict=True)
    ]
    columns = ("period", *names, "quality")
    return Dataset(definition=series[0][0].definition, dimension=dimension, columns=columns, observations=rows[::-1])


def shares_dataset(figure: Figure, dimension: str, shares: Sequence[Share]) -> Dataset:
    """List the parts of a figure with their shares, which sum to 100."""
    part = _camel(dimension)
    columns = ("period", part, "value", "sharePercent", "quality")
    percents = whole_percents([share.value for share in shares])
    about = {"period": str(figure.period), "quality": _written(figure.quality)}
    rows: list[Observation] = [
        {**about, part: share.key, "value": share.value, "sharePercent": percent}
        for share, percent in zip(shares, percents, strict=True)
    ]
    if figure.known is None:
        rows = [_without_data(columns, figure.period)]
    return Dataset(definition=figure.definition, dimension=dimension, columns=columns, observations=rows)


def index_dataset(definition: Definition, indices: Sequence[IndexSeries], page: PageContext) -> Dataset:
    """List the index of each target group in each two months up to the chosen period, the latest first."""
    columns = ("period", "audience", "value", "quality")
    points = sorted(
        (
            (point.period, at)
            for at, series in enumerate(indices)
            for point in series.points
            if _until(page, point.period)
        ),
        key=lambda place: (-place[0].year, -place[0].month, place[1]),
    )
    shown = [{point.period: point.shown for point in series.points} for series in indices]
    rows: list[Observation] = [
        {
            "period": str(period),
            "audience": indices[at].audience,
            "value": shown[at][period],
            "quality": _written(Quality.EXACT),
        }
        for period, at in points
    ]
    if page.history.quality(definition, page.period, page.now) is Quality.NO_DATA or not rows:
        rows = [_without_data(columns, page.period), *rows]
    return Dataset(definition=definition, dimension="", columns=columns, observations=rows)


def _until(page: PageContext, period: Period) -> bool:
    return period.end <= page.period.end


def rates_dataset(definition: Definition, rates: OpenRateTable, page: PageContext) -> Dataset:
    """List for each year and type of sender its messages and open rates; then the subtotal and the total."""
    columns = (
        "period",
        "senderType",
        "messages",
        *(f"openedWithin{weeks}WeeksPercent" for weeks in WINDOWS_WEEKS),
        "notificationsOnly",
        "quality",
    )
    covered = frozenset(page.history.months_of(definition.id))
    rows: list[Observation] = []
    for at, year in reversed([*enumerate(rates.years)]):
        if covered.isdisjoint(year.months):
            rows.append(_without_data(columns, year))
        else:
            rows += [_rate(row, at, year, rates) for row in (*rates.rows, rates.subtotal, rates.total)]
    return Dataset(definition=definition, dimension="", columns=columns, observations=rows)


def _rate(row: OpenRateRow, at: int, year: Period, rates: OpenRateTable) -> Observation:
    cohort = row.cohorts[at]
    quality = Quality.APPROXIMATE if cohort.estimated else Quality.EXACT
    if any(rates.is_provisional(year, weeks) for weeks in WINDOWS_WEEKS):
        quality = Quality.PROVISIONAL
    return {
        "period": str(year),
        "senderType": row.sender_type,
        "messages": cohort.published,
        **{f"openedWithin{weeks}WeeksPercent": cohort.rate(weeks) for weeks in WINDOWS_WEEKS},
        "notificationsOnly": bool(cohort.published) and cohort.notifications == cohort.published,
        "quality": _written(quality),
    }


def _without_data(columns: Sequence[str], period: Period) -> Observation:
    return dict.fromkeys(columns) | {"period": str(period), "quality": _written(Quality.NO_DATA)}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
