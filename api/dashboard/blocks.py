"""Blocks: a chart and the table with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from markupsafe import Markup

from api.dashboard.charts import (
    COLUMN_PLOT,
    LINE_PLOT,
    ChartBar,
    ChartLine,
    bar_chart,
    column_chart,
    line_chart,
    year_ticks,
)
from api.dashboard.localiser import Localiser
from api.dashboard.number_tables import DataTable, decimal_cell, name_cell, number_cell, percent_cell
from api.dashboard.page_context import PageContext
from projections.figures import Figure, IndexSeries, Point, Share, Window, percentage
from projections.figures.index import BASE_VALUE

MAX_BARS = 8
"""The bar after these stands for all other parts; the table lists every part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A chart and its table, whose caption is the chart's title. `headline` says in a sentence what the chart shows."""

    id: str
    headline: str
    svg: Markup
    table: DataTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A way to cut a figure. The texts of the catalogue that end in `names`, or begin with it, are about the parts."""

    figure_id: str
    id: str
    names: str


DIMENSIONS = (
    Dimension(figure_id="authentications", id="means", names="means"),
    Dimension(figure_id="authentications", id="level", names="level"),
    Dimension(figure_id="bus_transactions", id="service_family", names="family"),
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
    points = [{point.period: point for point in series.points} for series, _ in shown]
    names = [localiser.name("audience", series.audience) for series, _ in shown]
    title = localiser.text_between("index_chart", periods)
    lines = [
        ChartLine(
            name,
            localiser.decimal(last.shown),
            tuple(by_period[period].value if period in by_period else None for period in periods),
        )
        for name, (_, last), by_period in zip(names, shown, points, strict=True)
    ]
    rows = tuple(
        (
            name_cell(localiser.short_period(period), str(period)),
            *(
                decimal_cell(by_period[period].shown if period in by_period else None, localiser)
                for by_period in points
            ),
        )
        for period in reversed(periods)
    )
    most, reached = max(shown, key=lambda series: series[1].value)
    return Block(
        id="chart-use-index",
        headline=localiser.text("index_headline", audience=localiser.name("among", most.audience))
        if reached.value > BASE_VALUE
        else localiser.text("topic.use"),
        svg=line_chart(
            lines,
            year_ticks(periods, LINE_PLOT),
            localiser.short_number,
            id_="chart-use-index",
            title=title,
            base=int(BASE_VALUE),
        ),
        table=DataTable(
            caption=title,
            columns=(localiser.text("period"), *names),
            rows=rows,
            csv_url=page.links.csv("use_index"),
        ),
    )


def months_block(figure: Figure, points: Sequence[Point], page: PageContext) -> Block:
    """Draw one figure month by month, as columns; the table begins with the latest month."""
    localiser = page.localiser
    id_ = f"chart-{figure.definition.id}"
    months = [point.period for point in points]
    window = Window.AS_OF_END if figure.definition.window is Window.AS_OF_END else Window.DURING
    name = localiser.translated(figure.definition.title)
    title = localiser.text_between(f"series_title.{window}", months, title=name)
    return Block(
        id=id_,
        headline=_headline(figure, localiser),
        svg=column_chart(
            [point.value for point in points],
            year_ticks(months, COLUMN_PLOT),
            localiser.number(points[-1].value),
            localiser.short_number,
            id_=id_,
            title=title,
        ),
        table=DataTable(
            caption=title,
            columns=(localiser.text("period"), localiser.text("value"), localiser.text("quality")),
            rows=tuple(
                (
                    name_cell(localiser.short_period(point.period), str(point.period)),
                    number_cell(point.value, localiser),
                    name_cell(localiser.text(f"quality.{point.quality}")),
                )
                for point in reversed(points)
            ),
            csv_url=page.links.csv(figure.definition.id),
        ),
    )


def users_block(series: Sequence[tuple[Figure, Sequence[Point]]], page: PageContext) -> Block:
    """Draw consents and their users in one chart: their distance says how many use several providers."""
    localiser = page.localiser
    first, months = series[0][0], [point.period for point in series[0][1]]
    title = localiser.text_between("series_title.as_of_end", months, title=localiser.text("users_title"))
    lines = [
        ChartLine(
            localiser.text(f"line.{figure.definition.id}"),
            localiser.number(points[-1].value),
            tuple(Fraction(point.value) for point in points),
        )
        for figure, points in series
    ]
    rows = tuple(
        (
            name_cell(localiser.short_period(month), str(month)),
            *(number_cell(points[at].value, localiser) for _, points in series),
        )
        for at, month in reversed(list(enumerate(months)))
    )
    names = (localiser.translated(figure.definition.title) for figure, _ in series)
    return Block(
        id="chart-users",
        headline=_headline(first, localiser),
        svg=line_chart(lines, year_ticks(months, LINE_PLOT), localiser.short_number, id_="chart-users", title=title),
        table=DataTable(
            caption=title,
            columns=(localiser.text("period"), *names),
            rows=rows,
            csv_url=page.links.csv(first.definition.id, "users"),
        ),
    )


def shares_block(dimension: Dimension, shares: Sequence[Share], page: PageContext) -> Block | None:
    """Draw how a figure is divided, largest part first; None if there is nothing to divide."""
    whole = sum(share.value for share in shares)
    if not whole:
        return None
    localiser = page.localiser

    def percent(part: int) -> str:
        return localiser.percent(percentage(part, whole) or Decimal(0))

    def bar(name: str, part: int) -> ChartBar:
        return ChartBar(name, f"{localiser.number(part)} ({percent(part)})", part)

    named = [(localiser.name(dimension.names, share.key), share) for share in shares]
    bars = [bar(name, share.value) for name, share in named[:MAX_BARS]]
    if rest := sum(share.value for share in shares[MAX_BARS:]):
        bars.append(bar(localiser.text("others"), rest))
    id_ = f"chart-{dimension.figure_id}-{dimension.id}"
    title = localiser.text(f"share_chart.{dimension.names}", period=localiser.period(page.period))
    return Block(
        id=id_,
        headline=localiser.text(
            f"share_headline.{dimension.names}", name=named[0][0], percent=percent(shares[0].value)
        ),
        svg=bar_chart(bars, id_=id_, title=title),
        table=DataTable(
            caption=title,
            columns=(
                localiser.text(f"share_column.{dimension.names}"),
                localiser.text("value"),
                localiser.text("share"),
            ),
            rows=tuple(
                (
                    name_cell(name, share.key),
                    number_cell(share.value, localiser),
                    percent_cell(percentage(share.value, whole), localiser),
                )
                for name, share in named
            ),
            csv_url=page.links.csv(dimension.figure_id, dimension.id),
        ),
    )


def _headline(figure: Figure, localiser: Localiser) -> str:
    """Say in a sentence how a figure moved, if it did."""
    title = localiser.translated(figure.definition.title)
    percent = figure.growth.percent if figure.growth else None
    if not percent:
        return title
    direction = "more" if percent > 0 else "fewer"
    return localiser.text(f"series_headline.{direction}", title=title, percent=localiser.percent(abs(percent)))
