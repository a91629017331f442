"""Tiles: each headline figure and each index as it is read at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.dashboard.localiser import Localiser
from api.dashboard.page_context import PageContext
from domain.kernel import Jurisdiction
from projections.figures.definition import Topic
from projections.figures.figure_values import Figure, Growth, Quality, rounded
from projections.figures.index import DECIMALS, IndexSeries
from projections.figures.period import Period

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
    """One figure as it is read at a glance. `previous` is its written value a year earlier, where it is compared.

    `recorded` is a sentence about the history of a figure that does not cover the period, or not all of it.
    """

    localiser: Localiser
    title: str
    url: str
    value: str
    recorded: str = ""
    compared: Growth | None
    previous: str
    moment: str
    reliability: Quality = Quality.EXACT

    @property
    def rising(self) -> bool | None:
        """Whether the value rose; None where it did not change or is not compared."""
        percent = self.compared.percent if self.compared else None
        return percent > 0 if percent else None

    @property
    def growth(self) -> str:
        """The growth in percent; from a doubling on also as a factor, as people say it."""
        growth = self.compared
        if growth is None or growth.percent is None:
            return ""
        written = self.localiser.percent(growth.percent, signed=True)
        if growth.percent >= HUNDRED_PERCENT and growth.factor:
            return f"{written} ({self.localiser.decimal(growth.factor)}\N{MULTIPLICATION SIGN})"
        return written

    @property
    def remark(self) -> str:
        if self.recorded:
            return self.recorded
        if self.reliability is Quality.PROVISIONAL:
            return self.localiser.text("still_running")
        return (
            self.localiser.text("year_earlier", value=self.previous)
            if self.growth
            else self.localiser.text("no_growth")
        )

    @property
    def quality(self) -> str:
        return self.localiser.text(f"quality.{self.reliability}")

    @property
    def doubtful(self) -> bool:
        return self.reliability is not Quality.EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGroup:
    """The figures of one topic, with the brand of its system."""

    topic: str
    system: str
    tiles: tuple[Tile, ...]


def tile(figure: Figure, page: PageContext) -> Tile:
    localiser = page.localiser
    return Tile(
        localiser=localiser,
        title=localiser.translated(figure.definition.title),
        url=page.links.figure(figure.definition.id),
        value=localiser.text("no_value") if figure.known is None else localiser.number(figure.known),
        recorded=recorded(figure, page) if figure.quality in (Quality.NO_DATA, Quality.PARTIAL) else "",
        compared=figure.growth,
        previous=localiser.number(int(figure.growth.previous)) if figure.growth else "",
        moment=localiser.moment_of(figure.period, figure.definition.window),
        reliability=figure.quality,
    )


def tile_groups(figures: Sequence[Figure], page: PageContext) -> tuple[TileGroup, ...]:
    """Group the figures that have data by topic, in the order of the definitions."""
    shown = [figure for figure in figures if figure.known is not None]
    topics = dict.fromkeys(figure.definition.topic for figure in shown)
    return tuple(
        TileGroup(
            topic=page.localiser.text(f"topic.{topic}"),
            system=SYSTEMS.get((page.jurisdiction, topic), ""),
            tiles=tuple(tile(figure, page) for figure in shown if figure.definition.topic is topic),
        )
        for topic in topics
    )


def recorded(figure: Figure, page: PageContext) -> str:
    """Write from when to when events of a figure are recorded."""
    months = [Period.parse(month) for month in page.history.months_of(figure.definition.id)]
    return page.localiser.text_between("recorded", months) if months else page.localiser.text("never_recorded")


def without_data(figures: Sequence[Figure], localiser: Localiser) -> str:
    """List the figures without a tile, because they have no data in the period."""
    silent = [localiser.translated(figure.definition.title) for figure in figures if figure.known is None]
    return localiser.text("without_data", figures=", ".join(silent)) if silent else ""


def index_tiles(indices: Sequence[IndexSeries], page: PageContext) -> tuple[Tile, ...]:
    """Show for each target group the last two months that lie within the period."""
    localiser = page.localiser
    return tuple(
        Tile(
            localiser=localiser,
            title=localiser.name("audience", series.audience),
            url=page.links.figure("use_index"),
            value=localiser.decimal(point.shown),
            compared=(growth := series.growth(point)),
            previous=localiser.decimal(rounded(growth.previous, DECIMALS)) if growth else "",
            moment=localiser.period(point.period),
        )
        for series in indices
        if (point := series.at(page.period))
    )
