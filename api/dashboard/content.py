"""The contents of pages: figures read from the snapshot, as blocks, tiles and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.dashboard.blocks import BREAKDOWNS, Block, Breakdown, index_block, months_block, shares_block, users_block
from api.dashboard.choice import PageNotFound
from api.dashboard.datasets import (
    Dataset,
    index_dataset,
    rates_dataset,
    series_dataset,
    shares_dataset,
    users_dataset,
)
from api.dashboard.localiser import Localiser
from api.dashboard.page_context import PageContext
from api.dashboard.rates import RatesBlock, rates_block
from api.dashboard.tiles import index_tiles, tile, tile_groups, without_data
from projections.figures.definition import Definition
from projections.figures.figure_definitions import DEFINITIONS, OPEN_RATE, USE_INDEX
from projections.figures.figure_values import Figure, Point, Quality
from projections.figures.index import WEIGHTS, IndexSeries
from projections.figures.open_rate_table import OpenRateTable
from projections.figures.period import Period

CHARTED_MONTHS = 24
USERS = ("active_consents", "unique_mailbox_users")
USERS_TABLE = "users"
BY_MONTH = ("messages_to_active_mailboxes", "invoices_received")
OVERVIEW_BREAKDOWNS = ("means", "service_family")


async def overview(page: PageContext) -> Mapping[str, object]:
    """Gather the dashboard itself."""
    figures = await page.snapshot.figures(page.jurisdiction, page.period, page.now)
    indices = await _indices(page)
    return {
        "index_tiles": index_tiles(indices, page),
        "index_block": index_block(indices, page),
        "groups": tile_groups(figures, page),
        "without_data": without_data(figures, page.localiser),
        "blocks": await _blocks(page, figures),
        "rates": await _rates(page),
        "rates_url": page.links.figure(OPEN_RATE.id),
    }


async def all_definitions(_page: PageContext) -> Mapping[str, object]:
    return {"definitions": DEFINITIONS.values()}


async def figure_page(page: PageContext, definition: Definition) -> Mapping[str, object]:
    """Gather one figure: its value, its course, and its definition."""
    shown = {
        "definition": definition,
        "files": page.links.files(definition.id),
        "tiles": (),
        "blocks": [],
        "rates": None,
        "no_rates": False,
    }
    if definition is USE_INDEX:
        indices = await _indices(page)
        block = index_block(indices, page)
        return {
            **shown,
            "tiles": index_tiles(indices, page),
            "blocks": [block] if block else [],
            "weights": _weights(page.localiser),
        }
    if definition is OPEN_RATE:
        rates = await _rates(page)
        return {**shown, "rates": rates, "no_rates": rates is None, "applied": page.applied}
    figure = await _figure(page, definition)
    breakdowns = [await _shares(page, breakdown) for breakdown in BREAKDOWNS if breakdown.figure_id == definition.id]
    blocks = [block for block in (await _months(page, figure), *breakdowns) if block]
    return {**shown, "tiles": (tile(figure, page),), "blocks": blocks}


def outside_history(page: PageContext) -> str:
    """Return a sentence about the months that the figures cover, if the chosen period is not among them."""
    months = page.history.months
    if not months or not frozenset(months).isdisjoint(page.period.months):
        return ""
    return page.localiser.text_between("outside_history", [Period.parse(month) for month in months])


async def dataset_of(page: PageContext, definition: Definition, dimension: str) -> Dataset:
    """Gather one table alone, as a file; raise PageNotFound if the figure has no such dimension."""
    if dimension:
        return await _dimension(page, definition, dimension)
    if definition is USE_INDEX:
        return index_dataset(definition, await page.snapshot.indices(page.jurisdiction, page.now), page)
    if definition is OPEN_RATE:
        return rates_dataset(definition, await _open_rates(page), page)
    figure = await _figure(page, definition)
    return series_dataset(figure, await _points(page, figure))


async def _dimension(page: PageContext, definition: Definition, dimension: str) -> Dataset:
    if (definition.id, dimension) == (USERS[0], USERS_TABLE):
        figures = [await _figure(page, DEFINITIONS[figure_id]) for figure_id in USERS]
        return users_dataset([(figure, await _points(page, figure)) for figure in figures], dimension)
    for breakdown in BREAKDOWNS:
        if (breakdown.figure_id, breakdown.id) == (definition.id, dimension):
            shares = await page.snapshot.shares(breakdown.figure_id, breakdown.id, page.jurisdiction, page.period)
            return shares_dataset(await _figure(page, definition), dimension, shares)
    raise PageNotFound


def _weights(localiser: Localiser) -> str:
    """Write the weights of the index that differ from 1, or that there are none."""
    if not WEIGHTS:
        return localiser.text("weights_even")
    return ", ".join(f"{service} {weight}" for service, weight in sorted(WEIGHTS.items()))


async def _blocks(page: PageContext, figures: Sequence[Figure]) -> list[Block]:
    by_id = {figure.definition.id: figure for figure in figures if figure.known is not None}
    blocks: list[Block | None] = []
    if all(figure_id in by_id for figure_id in USERS):
        blocks.append(await _users(page, [by_id[figure_id] for figure_id in USERS]))
    blocks += [await _months(page, by_id[figure_id]) for figure_id in BY_MONTH if figure_id in by_id]
    blocks += [await _shares(page, breakdown) for breakdown in BREAKDOWNS if breakdown.id in OVERVIEW_BREAKDOWNS]
    return [block for block in blocks if block]


async def _indices(page: PageContext) -> Sequence[IndexSeries]:
    """Read the indices; none in a period without data."""
    if page.history.quality(USE_INDEX, page.period, page.now) is Quality.NO_DATA:
        return ()
    return await page.snapshot.indices(page.jurisdiction, page.now)


async def _figure(page: PageContext, definition: Definition) -> Figure:
    figures = await page.snapshot.figures(page.jurisdiction, page.period, page.now)
    for figure in figures:
        if figure.definition is definition:
            return figure
    raise PageNotFound


async def _points(page: PageContext, figure: Figure) -> Sequence[Point]:
    periods = page.period.months_until(CHARTED_MONTHS)
    return await page.snapshot.series(figure.definition.id, page.jurisdiction, periods, page.now)


async def _months(page: PageContext, figure: Figure) -> Block | None:
    return months_block(figure, await _points(page, figure), page)


async def _users(page: PageContext, figures: Sequence[Figure]) -> Block | None:
    return users_block([(figure, await _points(page, figure)) for figure in figures], page)


async def _shares(page: PageContext, breakdown: Breakdown) -> Block | None:
    shares = await page.snapshot.shares(breakdown.figure_id, breakdown.id, page.jurisdiction, page.period)
    return shares_block(breakdown, shares, page)


async def _rates(page: PageContext) -> RatesBlock | None:
    return rates_block(await _open_rates(page), page)


async def _open_rates(page: PageContext) -> OpenRateTable:
    """Read the open rates of the year of the period, and of the year before."""
    year = Period.parse(f"{page.period.year}")
    return await page.snapshot.open_rates(page.jurisdiction, (year.year_before(), year), page.now, page.applied)
