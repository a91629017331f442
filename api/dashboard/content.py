"""Gathers what a page shows: reads the figures from the snapshot and lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.dashboard import texts
from api.dashboard.blocks import DIMENSIONS, Block, Dimension, index_block, months_block, shares_block, users_block
from api.dashboard.choice import PageNotFound
from api.dashboard.i18n import Writer
from api.dashboard.links import Links
from api.dashboard.rates import RatesBlock, rates_block
from api.dashboard.reader import FiguresSnapshot
from api.dashboard.tables import DataTable
from api.dashboard.tiles import index_tiles, nothing_counted, tile, tile_groups
from domain.kernel import Jurisdiction
from projections.figures import DEFINITIONS, OPEN_RATE, USE_INDEX, Definition, Figure, OpenRateFilter, Period
from projections.figures.index import WEIGHTS

CHARTED_MONTHS = 24
USERS = ("active_consents", "unique_mailbox_users")
USERS_TABLE = "users"
BY_MONTH = ("messages_to_active_mailboxes", "invoices_received")
CUTS = (("authentications", "means"), ("bus_transactions", "service_family"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that the contents of a page are made from."""

    snapshot: FiguresSnapshot
    months: Sequence[str]
    jurisdiction: Jurisdiction
    period: Period
    now: datetime
    applied: OpenRateFilter
    writer: Writer
    links: Links


async def overview(desk: Desk) -> dict[str, Any]:
    """Gather the dashboard itself."""
    figures = await desk.snapshot.figures(desk.jurisdiction, desk.period, desk.now)
    indices = await desk.snapshot.indices(desk.jurisdiction, desk.now)
    return {
        "index_tiles": index_tiles(indices, desk.period, desk.writer, desk.links),
        "index_block": index_block(indices, desk.period, desk.writer, desk.links),
        "groups": tile_groups(figures, desk.writer, desk.links),
        "nothing_counted": nothing_counted(figures, desk.writer),
        "blocks": await _blocks(desk, figures),
        "rates": await _rates(desk),
        "rates_url": desk.links.figure(OPEN_RATE.id),
    }


async def figure_page(desk: Desk, definition: Definition) -> dict[str, Any]:
    """Gather one figure: its value, its course, and its definition."""
    shown: dict[str, Any] = {"definition": definition, "tiles": (), "blocks": [], "rates": None, "no_rates": False}
    if definition is USE_INDEX:
        indices = await desk.snapshot.indices(desk.jurisdiction, desk.now)
        block = index_block(indices, desk.period, desk.writer, desk.links)
        tiles = index_tiles(indices, desk.period, desk.writer, desk.links)
        return {**shown, "tiles": tiles, "blocks": [block] if block else [], "weights": weights(desk.writer)}
    if definition is OPEN_RATE:
        rates = await _rates(desk)
        return {**shown, "rates": rates, "no_rates": rates is None, "applied": desk.applied}
    figure = await _figure(desk, definition)
    cuts = [await _shares(desk, it) for it in DIMENSIONS if it.figure_id == definition.id]
    blocks = [await _months(desk, figure), *(block for block in cuts if block)]
    return {**shown, "tiles": (tile(figure, desk.writer, desk.links),), "blocks": blocks}


async def table_of(desk: Desk, definition: Definition, dimension: str) -> DataTable:
    """Gather one table alone, as the page shows it; one that has nothing to show is not there."""
    shown: Block | RatesBlock | None
    if dimension:
        shown = await _dimension(desk, definition, dimension)
    elif definition is USE_INDEX:
        indices = await desk.snapshot.indices(desk.jurisdiction, desk.now)
        shown = index_block(indices, desk.period, desk.writer, desk.links)
    elif definition is OPEN_RATE:
        shown = await _rates(desk)
    else:
        shown = await _months(desk, await _figure(desk, definition))
    if shown is None:
        raise PageNotFound
    return shown.table


def weights(writer: Writer) -> str:
    """Publish the weights of the index: those that differ from 1, or that there are none."""
    if not WEIGHTS:
        return writer.text(texts.WEIGHTS_EVEN)
    return ", ".join(f"{service} {weight}" for service, weight in sorted(WEIGHTS.items()))


async def _blocks(desk: Desk, figures: Sequence[Figure]) -> list[Block]:
    by_id = {figure.definition.id: figure for figure in figures if figure.says_something}
    blocks: list[Block | None] = []
    if all(figure_id in by_id for figure_id in USERS):
        blocks.append(await _users(desk, [by_id[figure_id] for figure_id in USERS]))
    blocks += [await _months(desk, by_id[figure_id]) for figure_id in BY_MONTH if figure_id in by_id]
    cuts = [it for it in DIMENSIONS if (it.figure_id, it.id) in CUTS]
    blocks += [await _shares(desk, cut) for cut in cuts]
    return [block for block in blocks if block]


async def _figure(desk: Desk, definition: Definition) -> Figure:
    figures = await desk.snapshot.figures(desk.jurisdiction, desk.period, desk.now)
    for figure in figures:
        if figure.definition is definition:
            return figure
    raise PageNotFound


async def _months(desk: Desk, figure: Figure) -> Block:
    periods = desk.period.months_until(CHARTED_MONTHS)
    points = await desk.snapshot.series(figure.definition.id, desk.jurisdiction, periods, desk.now)
    return months_block(figure, points, desk.writer, desk.links)


async def _users(desk: Desk, figures: Sequence[Figure]) -> Block:
    periods = desk.period.months_until(CHARTED_MONTHS)
    series = {
        figure.definition.id: await desk.snapshot.series(figure.definition.id, desk.jurisdiction, periods, desk.now)
        for figure in figures
    }
    return users_block(figures, series, desk.writer, desk.links)


async def _dimension(desk: Desk, definition: Definition, dimension: str) -> Block | None:
    if (definition.id, dimension) == (USERS[0], USERS_TABLE):
        return await _users(desk, [await _figure(desk, DEFINITIONS[figure_id]) for figure_id in USERS])
    for cut in DIMENSIONS:
        if (cut.figure_id, cut.id) == (definition.id, dimension):
            return await _shares(desk, cut)
    return None


async def _shares(desk: Desk, cut: Dimension) -> Block | None:
    shares = await desk.snapshot.shares(cut.figure_id, cut.id, desk.jurisdiction, desk.period)
    return shares_block(cut, shares, desk.period, desk.writer, desk.links)


async def _rates(desk: Desk) -> RatesBlock | None:
    """Show the year of the period beside the year before."""
    year = Period.parse(f"{desk.period.year}")
    rates = await desk.snapshot.open_rates(desk.jurisdiction, (year.year_before(), year), desk.now, desk.applied)
    return rates_block(rates, desk.writer, desk.links)
