"""The published figures with their definitions, growth and provenance; the open-rate table; the index of use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from decimal import Decimal
from inspect import get_annotations
from typing import Annotated, TypeVar, dataclass_transform, get_type_hints

import strawberry

from api.graph.queries.query_context import Info
from api.graph.queries.row_types import graph_type
from api.graph.queries.values import Id, Long, described
from api.rights.graph import GraphRight, asked_of
from api.web.errors import Problem
from domain.kernel import Audience, Jurisdiction
from projections.figures.definition import Definition
from projections.figures.figure_definitions import DEFINITIONS, HEADLINES
from projections.figures.figure_values import Figure, Growth, Point, Provenance, Quality, rounded
from projections.figures.index import IndexSeries
from projections.figures.open_rate_table import Cohort, OpenRateRow, OpenRateTable
from projections.figures.period import Period
from projections.figures.translations import Language, Text
from projections.open_rates import WINDOWS_WEEKS, OpenRateFilter

MAX_PERIODS = 36
"""Periods of one series."""

MAX_YEARS = 5
"""Years side by side in the open-rate table."""

YEARS = range(2000, 3000)

T = TypeVar("T")
PUBLISHED = GraphRight()
"""The dashboard shows the figures to anybody."""

# --- Types ----------------------------------------------------------------------------------------------------------


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def published(name: str, description: str | None = None, *, of: type | None = None) -> Callable[[type[T]], type[T]]:
    """Make a type that everybody may ask for. Values of the class `of`, if one is given, stand for its objects.

    Then the type has the fields of that class, and declares only those that differ.
    """

    def decorate(made: type[T]) -> type[T]:
        declared, fields = get_annotations(made), {} if of is None else get_type_hints(of)
        derived = {key: graph_type(key, hint) for key, hint in fields.items() if not hasattr(made, key)}
        made.__annotations__ = {**derived, **declared}
        return asked_of(PUBLISHED)(strawberry.type(made, name=name, description=description))

    return decorate


@published("Text", "A text in the four languages of the platform.", of=Text)
class TextType:
    @described("The text in one language.", name="in")
    def in_language(self, text: strawberry.Parent[Text], language: Language) -> str:
        return text.in_language(language)


@published(
    "FigureDefinition",
    "What a figure counts. A definition that changes gets a new version; both stay readable.",
    of=Definition,
)
class FigureDefinition:
    id: strawberry.ID
    version: int
    title: TextType
    text: TextType
    population: TextType
    distinct_key: str = strawberry.field(description="By which fields one thing that is counted is told from another.")
    events: list[str] = strawberry.field(description="The stored names of the events that it is computed from.")


@published("Provenance", "What a value rests on: events up to and with a position of the log.", of=Provenance)
class ProvenanceType:
    sample: bool = strawberry.field(description="Whether the events are made up: those of a sample history.")


@published("Growth", "The change against the same period a year earlier; nothing to compare gives no percentage.")
class GrowthType:
    percent: Decimal | None
    factor: Decimal | None

    @strawberry.field
    def previous(self, growth: strawberry.Parent[Growth]) -> Decimal:
        return rounded(growth.previous, 2)

    @strawberry.field
    def current(self, growth: strawberry.Parent[Growth]) -> Decimal:
        return rounded(growth.current, 2)


@published("Figure", "A figure in a period; outside its history the quality is `NO_DATA` and the value 0.", of=Figure)
class FigureType:
    definition: FigureDefinition
    growth: GrowthType | None = strawberry.field(description="Empty while the period still runs.")
    provenance: ProvenanceType

    @strawberry.field
    def period(self, figure: strawberry.Parent[Figure]) -> str:
        return str(figure.period)


@published(
    "FigurePoint",
    "The value of a figure in one period of a series; outside its history the quality is `NO_DATA` and the value 0.",
    of=Point,
)
class FigurePoint:
    @strawberry.field
    def period(self, point: strawberry.Parent[Point]) -> str:
        return str(point.period)


@published("OpenRate")
class OpenRate:
    weeks: int
    opened: Long
    percent: Decimal | None = strawberry.field(description="Whole percent of what was published.")
    provisional: bool


@published("OpenRateYear")
class OpenRateYear:
    year: str
    published: Long
    estimated: Long = strawberry.field(description="Of them to accounts not yet taken into use.")
    notifications: Long = strawberry.field(description="Of them notifications only.")
    rates: list[OpenRate]


@published("OpenRateDifference")
class OpenRateDifference:
    weeks: int
    points: Decimal | None = strawberry.field(description="In percentage points, of the rates as shown.")


@published("OpenRateRow", "One type of sender, or the subtotal without the two largest, or the total.")
class OpenRateRowType:
    sender_type: str
    years: list[OpenRateYear]
    differences: list[OpenRateDifference] = strawberry.field(description="From the first year to the last.")
    quality: Quality
    notifications_only: bool


@published("OpenRateTable")
class OpenRateTableType:
    jurisdiction: Jurisdiction
    provenance: ProvenanceType

    @strawberry.field
    def rows(self, table: strawberry.Parent[OpenRateTable]) -> list[OpenRateRowType]:
        return [_row(table, row) for row in table.rows]

    @strawberry.field
    def subtotal(self, table: strawberry.Parent[OpenRateTable]) -> OpenRateRowType:
        return _row(table, table.subtotal)

    @strawberry.field
    def total(self, table: strawberry.Parent[OpenRateTable]) -> OpenRateRowType:
        return _row(table, table.total)


def _row(table: OpenRateTable, row: OpenRateRow) -> OpenRateRowType:
    return OpenRateRowType(
        sender_type=row.sender_type,
        years=[_year(table, year, cohort) for year, cohort in zip(table.years, row.cohorts, strict=True)],
        differences=[OpenRateDifference(weeks=weeks, points=row.difference(weeks)) for weeks in WINDOWS_WEEKS],
        quality=row.quality,
        notifications_only=row.notifications_only,
    )


def _year(table: OpenRateTable, year: Period, cohort: Cohort) -> OpenRateYear:
    return OpenRateYear(
        year=str(year),
        published=Long(cohort.published),
        estimated=Long(cohort.estimated),
        notifications=Long(cohort.notifications),
        rates=[
            OpenRate(
                weeks=weeks,
                opened=Long(cohort.opened(weeks)),
                percent=cohort.rate(weeks),
                provisional=table.is_provisional(year, weeks),
            )
            for weeks in WINDOWS_WEEKS
        ],
    )


@strawberry.input(
    name="OpenRateFilter", description="What takes part: by default government only, with all of its messages."
)
class OpenRateInput:
    outside_government: bool = False
    notification_only: bool = True
    not_taken_into_use: bool = True


@published("IndexPoint", "The index in two months; November and December 2014 are 100.")
class IndexPointType:
    period: str
    value: Decimal
    services: int = strawberry.field(description="That took part in the link to the two months before.")
    uses: Long
    growth: Annotated[Growth | None, strawberry.field(graphql_type=GrowthType | None)]


@published("UseIndex")
class UseIndex:
    audience: Audience

    @strawberry.field
    def points(self, index: strawberry.Parent[IndexSeries]) -> list[IndexPointType]:
        return [
            IndexPointType(
                period=str(point.period),
                value=point.shown,
                services=point.services,
                uses=Long(point.uses),
                growth=index.growth(point),
            )
            for point in index.points
        ]


# --- Queries --------------------------------------------------------------------------------------------------------


def _headline(figure_id: str) -> Definition:
    found = next((definition for definition in HEADLINES if definition.id == figure_id), None)
    if found is None:
        raise Problem(404, "figure-not-found", "There is no figure with this id.")
    return found


def _years(years: Sequence[int]) -> list[Period]:
    if not 1 <= len(years) <= MAX_YEARS or any(year not in YEARS for year in years):
        raise Problem(422, "invalid-years", f"Name from 1 to {MAX_YEARS} years from 2000 on.")
    return [Period(year, 1, 12) for year in dict.fromkeys(years)]


async def _figures(info: Info, jurisdiction: Jurisdiction, period: str) -> Sequence[Figure]:
    wanted = Period.parse(period)
    async with info.context.snapshot() as snapshot:
        return await snapshot.figures(jurisdiction, wanted, info.context.request.now)


@strawberry.type
class FigureQueries:
    @described("What each published figure counts.", right=PUBLISHED, of=list[FigureDefinition])
    def figure_definitions(self) -> Collection[Definition]:
        return DEFINITIONS.values()

    @described(
        "The headline figures of a period: 2021, 2021-11, 2022-H1 or 2017-09/2017-10.",
        right=PUBLISHED,
        of=list[FigureType],
    )
    async def figures(self, info: Info, jurisdiction: Jurisdiction, period: str) -> Sequence[Figure]:
        return await _figures(info, jurisdiction, period)

    @described("One headline figure in one period.", right=PUBLISHED, of=FigureType | None)
    async def figure(self, info: Info, figure_id: Id, jurisdiction: Jurisdiction, period: str) -> Figure | None:
        definition = _headline(figure_id)
        return next((it for it in await _figures(info, jurisdiction, period) if it.definition is definition), None)

    @described("One headline figure in many periods, at most 36.", right=PUBLISHED, of=list[FigurePoint])
    async def figure_series(
        self, info: Info, figure_id: Id, jurisdiction: Jurisdiction, periods: list[str]
    ) -> Sequence[Point]:
        definition = _headline(figure_id)
        if len(periods) > MAX_PERIODS:
            raise Problem(422, "too-many-periods", f"A series has at most {MAX_PERIODS} periods.")
        wanted = [Period.parse(period) for period in periods]
        async with info.context.snapshot() as snapshot:
            return await snapshot.series(definition.id, jurisdiction, wanted, info.context.request.now)

    @described("The open rates by type of sender, some years side by side.", right=PUBLISHED, of=OpenRateTableType)
    async def open_rates(
        self, info: Info, jurisdiction: Jurisdiction, years: list[int], where: OpenRateInput | None = None
    ) -> OpenRateTable:
        wanted, applied = _years(years), OpenRateFilter(**asdict(where or OpenRateInput()))
        async with info.context.snapshot() as snapshot:
            return await snapshot.open_rates(jurisdiction, wanted, info.context.request.now, applied)

    @described("The index of use of each target group.", right=PUBLISHED, of=list[UseIndex])
    async def use_index(self, info: Info, jurisdiction: Jurisdiction) -> Sequence[IndexSeries]:
        async with info.context.snapshot() as snapshot:
            return await snapshot.indices(jurisdiction, info.context.request.now)
