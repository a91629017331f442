"""Blocks: a chart and the table that says the same, made from the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from api.dashboard import texts
from api.dashboard.charts import (
    COLUMN_PLOT,
    LINE_PLOT,
    Bar,
    Chart,
    Line,
    bar_chart,
    column_chart,
    line_chart,
    year_ticks,
)
from api.dashboard.i18n import Writer
from api.dashboard.labels import AMONG, AUDIENCES, FAMILIES, LEVELS, LINES, MEANS, label
from api.dashboard.links import Links
from api.dashboard.tables import DataTable, decimal_cell, name_cell, number_cell, percent_cell
from projections.figures import Figure, IndexSeries, Period, Point, Share, Text, Window, percentage
from projections.figures.index import BASE_VALUE

MOST_BARS = 8
"""More bars than this are one more bar: the rest, in the picture; the table has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A chart and the table that says the same."""

    chart: Chart
    table: DataTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A way to cut a figure: how its parts are called, and what the chart says."""

    figure_id: str
    id: str
    column: Text
    names: Mapping[str, Text]
    headline: Text
    title: Text


DIMENSIONS = (
    Dimension(
        figure_id="authentications",
        id="means",
        column=texts.MEANS,
        names=MEANS,
        headline=texts.MEANS_HEADLINE,
        title=texts.MEANS_CHART,
    ),
    Dimension(
        figure_id="authentications",
        id="level",
        column=texts.LEVEL,
        names=LEVELS,
        headline=texts.LEVEL_HEADLINE,
        title=texts.LEVEL_CHART,
    ),
    Dimension(
        figure_id="bus_transactions",
        id="service_family",
        column=texts.FAMILY,
        names=FAMILIES,
        headline=texts.FAMILY_HEADLINE,
        title=texts.FAMILY_CHART,
    ),
)


def index_block(indices: Sequence[IndexSeries], period: Period, writer: Writer, links: Links) -> Block | None:
    """Draw the three indices from the base period up to the chosen one."""
    periods = sorted({it.period for series in indices for it in series.points if it.period.end <= period.end})
    shown = [series for series in indices if series.at(period)]
    if not shown:
        return None
    points = {(series.audience, it.period): it for series in shown for it in series.points}
    title = _between(texts.INDEX_CHART, periods, writer)
    ticks = year_ticks([(it.year, it.month) for it in periods], LINE_PLOT)
    lines = [
        Line(
            label(AUDIENCES, series.audience, writer),
            writer.decimal(last.shown),
            tuple(points[series.audience, it].value if (series.audience, it) in points else None for it in periods),
        )
        for series in shown
        if (last := series.at(period))
    ]
    svg = line_chart(lines, ticks, writer.short_number, id_="chart-use-index", title=title, base=int(BASE_VALUE))
    rows = tuple(
        (
            name_cell(writer.short_period(it), str(it)),
            *(
                decimal_cell(point.shown if (point := points.get((series.audience, it))) else None, writer)
                for series in shown
            ),
        )
        for it in reversed(periods)
    )
    columns = (writer.text(texts.PERIOD), *(label(AUDIENCES, series.audience, writer) for series in shown))
    return Block(
        chart=Chart(id="chart-use-index", headline=_index_headline(shown, period, writer), title=title, svg=svg),
        table=DataTable(caption=title, columns=columns, rows=rows, csv_url=links.csv("use_index")),
    )


def _index_headline(indices: Sequence[IndexSeries], period: Period, writer: Writer) -> str:
    reached = {series.audience: point.value for series in indices if (point := series.at(period))}
    most = max(reached, key=lambda audience: reached[audience])
    if reached[most] <= BASE_VALUE:
        return writer.text(texts.INDICES)
    return writer.text(texts.INDEX_HEADLINE, audience=label(AMONG, most, writer))


def months_block(figure: Figure, points: Sequence[Point], writer: Writer, links: Links) -> Block:
    """Draw one figure month by month, as columns."""
    id_ = f"chart-{figure.definition.id}"
    title = _series_title(figure, points, writer)
    months = [point.period for point in points]
    svg = column_chart(
        [point.value for point in points],
        year_ticks([(it.year, it.month) for it in months], COLUMN_PLOT),
        writer.number(points[-1].value),
        writer.short_number,
        id_=id_,
        title=title,
    )
    chart = Chart(id=id_, headline=_headline(figure, writer), title=title, svg=svg)
    return Block(chart=chart, table=months_table(figure, points, writer, links))


def months_table(figure: Figure, points: Sequence[Point], writer: Writer, links: Links) -> DataTable:
    """Lay one figure out month by month, the latest first."""
    return DataTable(
        caption=_series_title(figure, points, writer),
        columns=(writer.text(texts.PERIOD), writer.text(texts.VALUE), writer.text(texts.QUALITY)),
        rows=tuple(
            (
                name_cell(writer.short_period(point.period), str(point.period)),
                number_cell(point.value, writer),
                name_cell(writer.text(texts.QUALITIES[point.quality])),
            )
            for point in reversed(points)
        ),
        csv_url=links.csv(figure.definition.id),
    )


def users_block(
    figures: Sequence[Figure], series: Mapping[str, Sequence[Point]], writer: Writer, links: Links
) -> Block:
    """Draw consents and their users together: they share a unit of size, and their distance is the message."""
    first = figures[0]
    titles = writer.text(texts.USERS_CHART)
    months = [point.period for point in series[first.definition.id]]
    title = _between(texts.AT_MONTH_END, months, writer, title=titles)
    lines = [
        Line(
            writer.text(LINES[figure.definition.id]),
            writer.number(series[figure.definition.id][-1].value),
            tuple(Fraction(point.value) for point in series[figure.definition.id]),
        )
        for figure in figures
    ]
    ticks = year_ticks([(it.year, it.month) for it in months], LINE_PLOT)
    svg = line_chart(lines, ticks, writer.short_number, id_="chart-users", title=title)
    rows = tuple(
        (
            name_cell(writer.short_period(month), str(month)),
            *(number_cell(series[figure.definition.id][at].value, writer) for figure in figures),
        )
        for at, month in reversed(list(enumerate(months)))
    )
    columns = (writer.text(texts.PERIOD), *(writer.text(figure.definition.title) for figure in figures))
    return Block(
        chart=Chart(id="chart-users", headline=_headline(first, writer), title=title, svg=svg),
        table=DataTable(caption=title, columns=columns, rows=rows, csv_url=links.csv(first.definition.id, "users")),
    )


def shares_block(
    dimension: Dimension, shares: Sequence[Share], period: Period, writer: Writer, links: Links
) -> Block | None:
    """Draw how a figure is divided, largest part first."""
    whole = sum(share.value for share in shares)
    if not whole:
        return None
    named = [(label(dimension.names, share.key, writer), share) for share in shares]
    bars = [Bar(name, _share(share.value, whole, writer), share.value) for name, share in named[:MOST_BARS]]
    rest = sum(share.value for share in shares[MOST_BARS:])
    if rest:
        bars.append(Bar(writer.text(texts.OTHERS), _share(rest, whole, writer), rest))
    id_ = f"chart-{dimension.figure_id}-{dimension.id}"
    title = writer.text(dimension.title, period=writer.period(period))
    headline = writer.text(dimension.headline, name=named[0][0], percent=_percent(shares[0].value, whole, writer))
    rows = tuple(
        (
            name_cell(name, share.key),
            number_cell(share.value, writer),
            percent_cell(percentage(share.value, whole), writer),
        )
        for name, share in named
    )
    return Block(
        chart=Chart(id=id_, headline=headline, title=title, svg=bar_chart(bars, id_=id_, title=title)),
        table=DataTable(
            caption=title,
            columns=(writer.text(dimension.column), writer.text(texts.VALUE), writer.text(texts.SHARE)),
            rows=rows,
            csv_url=links.csv(dimension.figure_id, dimension.id),
        ),
    )


def _headline(figure: Figure, writer: Writer) -> str:
    """Say in a sentence how a figure moved, if it did."""
    title = writer.text(figure.definition.title)
    percent = figure.growth.percent if figure.growth else None
    if not percent:
        return title
    sentence = texts.MORE if percent > 0 else texts.FEWER
    return writer.text(sentence, title=title, percent=writer.percent(abs(percent)))


def _series_title(figure: Figure, points: Sequence[Point], writer: Writer) -> str:
    sentence = texts.AT_MONTH_END if figure.definition.window is Window.AS_OF_END else texts.BY_MONTH
    months = [point.period for point in points]
    return _between(sentence, months, writer, title=writer.text(figure.definition.title))


def _between(sentence: Text, periods: Sequence[Period], writer: Writer, **values: str) -> str:
    first, last = (writer.period(Period.parse(month)) for month in (periods[0].months[0], periods[-1].months[-1]))
    return writer.text(sentence, first=first, last=last, **values)


def _percent(part: int, whole: int, writer: Writer) -> str:
    return writer.percent(percentage(part, whole) or Decimal(0))


def _share(part: int, whole: int, writer: Writer) -> str:
    return f"{writer.number(part)} ({_percent(part, whole, writer)})"
