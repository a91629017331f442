"""Blocks: a chart and the table with the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from markupsafe import Markup

from api.dashboard.charts import Chart, ChartBar, ChartLine, bar_chart, column_chart, line_chart
from api.dashboard.links import Files
from api.dashboard.localiser import Localiser
from api.dashboard.number_tables import DataTable, cell
from api.dashboard.page_context import PageContext
from projections.figures.definition import Window
from projections.figures.figure_values import Figure, Point
from projections.figures.index import BASE_VALUE, IndexSeries
from projections.figures.period import Period
from projections.figures.shares import MIN_CELL, OTHER_PARTS, Share, whole_percents

MAX_BARS = 8
"""Bars of parts; one more bar stands for all other parts. The table lists every part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A chart and its table, whose caption is the chart's title. `headline` is one sentence about the chart."""

    id: str
    headline: str
    svg: Markup
    table: DataTable
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A breakdown by which a figure is divided. `names` is in the keys of the texts about its parts."""

    figure_id: str
    id: str
    names: str


BREAKDOWNS = (
    Breakdown(figure_id="authentications", id="means", names="means"),
    Breakdown(figure_id="authentications", id="level", names="level"),
    Breakdown(figure_id="bus_transactions", id="service_family", names="family"),
)


def index_block(indices: Sequence[IndexSeries], page: PageContext) -> Block | None:
    """Draw the indices from the base period up to the chosen one; None if there is none."""
    shown = [(series, last) for series in indices if (last := series.at(page.period))]
    if not shown:
        return None
    localiser = page.localiser
    periods = sorted(
        {point.period for series in indices for point in series.points if point.period.end <= page.period.end}
    )
    lines: list[ChartLine] = []
    columns: dict[str, list[str]] = {}
    for series, last in shown:
        name, by_period = localiser.name("audience", series.audience), {point.period: point for point in series.points}
        points = [by_period.get(period) for period in periods]
        lines.append(ChartLine(name, localiser.decimal(last.shown), [it.value if it else None for it in points]))
        columns[name] = [cell(it.shown if it else None, localiser.decimal) for it in points]
    most, reached = max(shown, key=lambda series: series[1].value)
    headline = localiser.text("topic.use")
    if reached.value > BASE_VALUE:
        headline = localiser.text("index_headline", audience=localiser.name("among", most.audience))
    return _block(
        *_by_period(page, periods, columns),
        id_="chart-use-index",
        headline=headline,
        title=localiser.text_between("index_chart", periods),
        chart=line_chart(lines, periods, localiser.short_number, base=int(BASE_VALUE)),
        files=page.links.files("use_index"),
    )


def months_block(figure: Figure, points: Sequence[Point], page: PageContext) -> Block | None:
    """Draw one figure month by month, as columns; the table begins with the latest month. None without any data."""
    localiser, id_ = page.localiser, figure.definition.id
    if all(point.known is None for point in points):
        return None
    months = [point.period for point in points]
    window = Window.AS_OF_END if figure.definition.window is Window.AS_OF_END else Window.DURING
    name = localiser.translated(figure.definition.title)
    columns = {
        localiser.text("value"): [cell(point.known, localiser.number) for point in points],
        localiser.text("quality"): [localiser.text(f"quality.{point.quality}") for point in points],
    }
    return _block(
        *_by_period(page, months, columns),
        id_=f"chart-{id_}",
        headline=_headline(figure, localiser),
        title=localiser.text_between(f"series_title.{window}", months, title=name),
        chart=column_chart([point.known for point in points], months, localiser.number, localiser.short_number),
        files=page.links.files(id_),
    )


def users_block(series: Sequence[tuple[Figure, Sequence[Point]]], page: PageContext) -> Block | None:
    """Draw consents and their users in one chart: the distance is the number of consents beyond one a person.

    None if one of them has no data.
    """
    localiser = page.localiser
    known = [[point.known for point in points] for _, points in series]
    if any(all(value is None for value in values) for values in known):
        return None
    first, months = series[0][0], [point.period for point in series[0][1]]
    lines = [
        ChartLine(
            localiser.text(f"line.{figure.definition.id}"),
            localiser.number(next(value for value in reversed(values) if value is not None)),
            [None if value is None else Fraction(value) for value in values],
        )
        for (figure, _), values in zip(series, known, strict=True)
    ]
    columns = {
        localiser.translated(figure.definition.title): [cell(value, localiser.number) for value in values]
        for (figure, _), values in zip(series, known, strict=True)
    }
    return _block(
        *_by_period(page, months, columns),
        id_="chart-users",
        headline=_headline(first, localiser),
        title=localiser.text_between("series_title.as_of_end", months, title=localiser.text("users_title")),
        chart=line_chart(lines, months, localiser.short_number),
        files=page.links.files(first.definition.id, "users"),
    )


def shares_block(breakdown: Breakdown, shares: Sequence[Share], page: PageContext) -> Block | None:
    """Draw how a figure is divided, largest part first; None if there is nothing to divide."""
    if not shares:
        return None
    localiser, names = page.localiser, breakdown.names
    others = localiser.text("others")
    parts = [
        (others if share.key == OTHER_PARTS else localiser.name(names, share.key), share.value, percent)
        for share, percent in zip(shares, whole_percents([share.value for share in shares]), strict=True)
    ]
    bars = parts[:MAX_BARS]
    if rest := parts[MAX_BARS:]:
        bars.append((others, sum(value for _, value, _ in rest), sum(percent for _, _, percent in rest)))
    written = [(name, localiser.number(value), localiser.percent(Decimal(percent))) for name, value, percent in parts]
    return _block(
        (localiser.text(f"share_column.{names}"), localiser.text("value"), localiser.text("share")),
        written,
        id_=f"chart-{breakdown.figure_id}-{breakdown.id}",
        headline=localiser.text(f"share_headline.{names}", name=written[0][0], percent=written[0][2]),
        title=localiser.text(f"share_chart.{names}", period=localiser.period(page.period)),
        chart=bar_chart([_bar(*part, localiser) for part in bars]),
        files=page.links.files(breakdown.figure_id, breakdown.id),
        note=localiser.text("small_parts_note", least=str(MIN_CELL)) if shares[-1].key == OTHER_PARTS else "",
    )


def _bar(name: str, value: int, percent: int, localiser: Localiser) -> ChartBar:
    return ChartBar(name, f"{localiser.number(value)} ({localiser.percent(Decimal(percent))})", value)


def _by_period(
    page: PageContext, periods: Sequence[Period], columns: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the heads and rows of a table of named columns, with a row for each period, the latest first."""
    localiser = page.localiser
    names = [localiser.short_period(period) for period in periods]
    rows = list(zip(names, *columns.values(), strict=True))
    return (localiser.text("period"), *columns), rows[::-1]


def _block(
    columns: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    *,
    id_: str,
    headline: str,
    title: str,
    chart: Chart,
    files: Files,
    note: str = "",
) -> Block:
    table = DataTable(caption=title, columns=columns, rows=tuple(rows), files=files)
    return Block(id=id_, headline=headline, svg=chart.svg(id_, title), table=table, note=note)


def _headline(figure: Figure, localiser: Localiser) -> str:
    """Write one sentence about the growth of a figure, or its title if it did not grow or shrink."""
    title = localiser.translated(figure.definition.title)
    percent = figure.growth.percent if figure.growth else None
    if not percent:
        return title
    direction = "more" if percent > 0 else "fewer"
    return localiser.text(f"series_headline.{direction}", title=title, percent=localiser.percent(abs(percent)))
