"""Tiles: each headline figure and each index as it is read at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.dashboard import texts
from api.dashboard.i18n import Writer
from api.dashboard.labels import AUDIENCES, SYSTEMS, label
from api.dashboard.links import Links
from projections.figures import Figure, Growth, IndexSeries, Period, Quality

HUNDRED_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure as it is read at a glance."""

    title: str
    url: str
    value: str
    growth: str
    rising: bool | None
    remark: str
    moment: str
    quality: str
    doubtful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGroup:
    """The figures of one topic, with the name of the system that the country knows it by."""

    topic: str
    system: str
    tiles: tuple[Tile, ...]


def tile(figure: Figure, writer: Writer, links: Links) -> Tile:
    return _tile(
        writer,
        title=writer.text(figure.definition.title),
        url=links.figure(figure.definition.id),
        value=writer.number(figure.value),
        growth=figure.growth,
        previous=writer.number(int(figure.growth.previous)) if figure.growth else "",
        moment=writer.moment_of(figure.period, figure.definition.window),
        quality=figure.quality,
    )


def tile_groups(figures: Sequence[Figure], writer: Writer, links: Links) -> tuple[TileGroup, ...]:
    """Group the figures that say something by topic, in the order of the definitions."""
    shown = [figure for figure in figures if figure.says_something]
    topics = dict.fromkeys(figure.definition.topic for figure in shown)
    return tuple(
        TileGroup(
            topic=writer.text(texts.TOPICS[topic]),
            system=SYSTEMS.get((links.jurisdiction.value, topic), ""),
            tiles=tuple(tile(figure, writer, links) for figure in shown if figure.definition.topic is topic),
        )
        for topic in topics
    )


def nothing_counted(figures: Sequence[Figure], writer: Writer) -> str:
    """Say which figures are left out because nothing was counted, now or a year before."""
    silent = [writer.text(figure.definition.title) for figure in figures if not figure.says_something]
    return writer.text(texts.NOTHING_COUNTED, figures=", ".join(silent)) if silent else ""


def index_tiles(indices: Sequence[IndexSeries], period: Period, writer: Writer, links: Links) -> tuple[Tile, ...]:
    """Show for each target group the last two months that lie within the period."""
    tiles = []
    for series in indices:
        point = series.at(period)
        if point is None:
            continue
        growth = series.growth(point)
        earlier = next((it for it in series.points if it.period == point.period.year_before()), None)
        tiles.append(
            _tile(
                writer,
                title=label(AUDIENCES, series.audience, writer),
                url=links.figure("use_index"),
                value=writer.decimal(point.shown),
                growth=growth,
                previous=writer.decimal(earlier.shown) if earlier else "",
                moment=writer.period(point.period),
                quality=Quality.EXACT,
            )
        )
    return tuple(tiles)


def _tile(
    writer: Writer,
    *,
    title: str,
    url: str,
    value: str,
    growth: Growth | None,
    previous: str,
    moment: str,
    quality: Quality,
) -> Tile:
    percent = growth.percent if growth else None
    if quality is Quality.PROVISIONAL:
        remark = writer.text(texts.STILL_RUNNING)
    elif percent is None:
        remark = writer.text(texts.NO_GROWTH)
    else:
        remark = writer.text(texts.YEAR_EARLIER, value=previous)
    return Tile(
        title=title,
        url=url,
        value=value,
        growth=_growth(growth, writer),
        rising=None if not percent else percent > 0,
        remark=remark,
        moment=moment,
        quality=writer.text(texts.QUALITIES[quality]),
        doubtful=quality is not Quality.EXACT,
    )


def _growth(growth: Growth | None, writer: Writer) -> str:
    """Write growth in percent, and from a doubling on as a factor too: that is how people say it."""
    if growth is None or growth.percent is None:
        return ""
    written = writer.percent(growth.percent, signed=True)
    if growth.percent >= HUNDRED_PERCENT and growth.factor:
        return f"{written} ({writer.decimal(growth.factor)}\N{MULTIPLICATION SIGN})"
    return written
