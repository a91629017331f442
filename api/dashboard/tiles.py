"""Tiles: each headline figure and each index as it is read at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.dashboard.localiser import Localiser
from api.dashboard.page_context import PageContext
from domain.kernel import Jurisdiction
from projections.figures import Figure, Growth, IndexSeries, Quality, Topic, rounded
from projections.figures.index import DECIMALS

HUNDRED_PERCENT = 100
SYSTEMS = {
    (Jurisdiction.BE, Topic.MAILBOX): "eBox",
    (Jurisdiction.BE, Topic.IDENTITY): "FAS",
    (Jurisdiction.BE, Topic.BUS): "Federal Service Bus",
    (Jurisdiction.BE, Topic.INVOICING): "Mercurius",
    (Jurisdiction.NL, Topic.MAILBOX): "Berichtenbox",
    (Jurisdiction.NL, Topic.IDENTITY): "DigiD, eHerkenning",
    (Jurisdiction.NL, Topic.BUS): "Digipoort",
    (Jurisdiction.NL, Topic.INVOICING): "Digipoort",
}
"""The brand by which a country knows the system of a topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure as it is read at a glance. `rising` is None where the value did not change or is not compared."""

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
    """The figures of one topic, with the brand of its system."""

    topic: str
    system: str
    tiles: tuple[Tile, ...]


def tile(figure: Figure, page: PageContext) -> Tile:
    localiser = page.localiser
    return _tile(
        localiser,
        title=localiser.translated(figure.definition.title),
        url=page.links.figure(figure.definition.id),
        value=localiser.number(figure.value),
        growth=figure.growth,
        previous=localiser.number(int(figure.growth.previous)) if figure.growth else "",
        moment=localiser.moment_of(figure.period, figure.definition.window),
        quality=figure.quality,
    )


def tile_groups(figures: Sequence[Figure], page: PageContext) -> tuple[TileGroup, ...]:
    """Group the figures that say something by topic, in the order of the definitions."""
    shown = [figure for figure in figures if figure.says_something]
    topics = dict.fromkeys(figure.definition.topic for figure in shown)
    return tuple(
        TileGroup(
            topic=page.localiser.text(f"topic.{topic}"),
            system=SYSTEMS.get((page.jurisdiction, topic), ""),
            tiles=tuple(tile(figure, page) for figure in shown if figure.definition.topic is topic),
        )
        for topic in topics
    )


def nothing_counted(figures: Sequence[Figure], localiser: Localiser) -> str:
    """List the figures that are left out because nothing was counted in the period or a year before."""
    silent = [localiser.translated(figure.definition.title) for figure in figures if not figure.says_something]
    return localiser.text("nothing_counted", figures=", ".join(silent)) if silent else ""


def index_tiles(indices: Sequence[IndexSeries], page: PageContext) -> tuple[Tile, ...]:
    """Show for each target group the last two months that lie within the period."""
    localiser = page.localiser
    return tuple(
        _tile(
            localiser,
            title=localiser.name("audience", series.audience),
            url=page.links.figure("use_index"),
            value=localiser.decimal(point.shown),
            growth=(growth := series.growth(point)),
            previous=localiser.decimal(rounded(growth.previous, DECIMALS)) if growth else "",
            moment=localiser.period(point.period),
            quality=Quality.EXACT,
        )
        for series in indices
        if (point := series.at(page.period))
    )


def _tile(
    localiser: Localiser,
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
        remark = localiser.text("still_running")
    elif percent is None:
        remark = localiser.text("no_growth")
    else:
        remark = localiser.text("year_earlier", value=previous)
    return Tile(
        title=title,
        url=url,
        value=value,
        growth=_growth(growth, localiser),
        rising=None if not percent else percent > 0,
        remark=remark,
        moment=moment,
        quality=localiser.text(f"quality.{quality}"),
        doubtful=quality is not Quality.EXACT,
    )


def _growth(growth: Growth | None, localiser: Localiser) -> str:
    """Write growth in percent; from a doubling on also as a factor, as people say it."""
    if growth is None or growth.percent is None:
        return ""
    written = localiser.percent(growth.percent, signed=True)
    if growth.percent >= HUNDRED_PERCENT and growth.factor:
        return f"{written} ({localiser.decimal(growth.factor)}\N{MULTIPLICATION SIGN})"
    return written
