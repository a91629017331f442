"""The published figures with their definitions, growth and provenance; the open-rate table; the index of use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import strawberry

from api.graph.queries.query_context import Info
from api.graph.queries.values import Id, Long, described
from api.graph.types.organisations import Language
from api.rights.graph import GraphRight, asked_of
from api.web.errors import Problem
from domain.kernel import Audience, Jurisdiction
from projections import figures as computed
from projections.figures import DEFINITIONS, HEADLINES, Quality, Topic, Unit, Window
from projections.open_rates import WINDOWS_WEEKS

MAX_PERIODS = 36
"""Periods of one series."""

MAX_YEARS = 5
"""Years side by side in the open-rate table."""

YEARS = range(2000, 3000)

PUBLISHED = GraphRight()
"""The dashboard shows the figures to anybody."""

# --- Types ----------------------------------------------------------------------------------------------------------


@asked_of(PUBLISHED)
@strawberry.type(description="A text in the four languages of the platform.")
class Text:
    nl: str
    fr: str
    de: str
    en: str

    @described("The text in one language.", name="in")
    def in_language(self, language: Language) -> str:
        text: str = getattr(self, language.value)
        return text


@asked_of(PUBLISHED)
@strawberry.type(description="What a figure counts. A definition that changes gets a new version; both stay readable.")
class FigureDefinition:
    id: strawberry.ID
    version: int
    topic: Topic
    title: Text
    text: Text
    population: Text
    distinct_key: str = strawberry.field(description="By which fields one thing that is counted is told from another.")
    window: Window
    unit: Unit
    time_zone: str
    jurisdictions: list[Jurisdiction]
    events: list[str] = strawberry.field(description="The stored names of the events that it is computed from.")


@asked_of(PUBLISHED)
@strawberry.type(description="What a value rests on: events up to and with a position of the log.")
class Provenance:
    events: list[str]
    position: Long
    computed_at: datetime


@asked_of(PUBLISHED)
@strawberry.type(
    description="The change against the same period a year earlier; nothing to compare gives no percentage."
)
class Growth:
    previous: Decimal
    current: Decimal
    percent: Decimal | None
    factor: Decimal | None


@asked_of(PUBLISHED)
@strawberry.type
class Figure:
    definition: FigureDefinition
    jurisdiction: Jurisdiction
    period: str
    value: Long
    quality: Quality
    growth: Growth | None = strawberry.field(description="Empty while the period still runs.")
    provenance: Provenance


@asked_of(PUBLISHED)
@strawberry.type(description="The value of a figure in one period of a series.")
class FigurePoint:
    period: str
    value: Long
    quality: Quality


@asked_of(PUBLISHED)
@strawberry.type
class OpenRate:
    weeks: int
    opened: Long
    percent: Decimal | None = strawberry.field(description="Whole percent of what was published.")
    provisional: bool


@asked_of(PUBLISHED)
@strawberry.type
class OpenRateYear:
    year: str
    published: Long
    estimated: Long = strawberry.field(description="Of them to accounts not yet taken into use.")
    notifications: Long = strawberry.field(description="Of them notifications only.")
    rates: list[OpenRate]


@asked_of(PUBLISHED)
@strawberry.type
class OpenRateDifference:
    weeks: int
    points: Decimal | None = strawberry.field(description="In percentage points, of the rates as shown.")


@asked_of(PUBLISHED)
@strawberry.type(description="One type of sender, or the subtotal without the two largest, or the total.")
class OpenRateRow:
    sender_type: str
    years: list[OpenRateYear]
    differences: list[OpenRateDifference] = strawberry.field(description="From the first year to the last.")
    quality: Quality
    notifications_only: bool


@asked_of(PUBLISHED)
@strawberry.type
class OpenRateTable:
    jurisdiction: Jurisdiction
    rows: list[OpenRateRow]
    subtotal: OpenRateRow
    total: OpenRateRow
    provenance: Provenance


@strawberry.input(description="What takes part: by default government only, with all of its messages.")
class OpenRateFilter:
    outside_government: bool = False
    notification_only: bool = True
    not_taken_into_use: bool = True


@asked_of(PUBLISHED)
@strawberry.type(description="The index in two months; November and December 2014 are 100.")
class IndexPoint:
    period: str
    value: Decimal
    services: int = strawberry.field(description="That took part in the link to the two months before.")
    uses: Long
    growth: Growth | None


@asked_of(PUBLISHED)
@strawberry.type
class UseIndex:
    audience: Audience
    points: list[IndexPoint]


# --- From what was computed -----------------------------------------------------------------------------------------


def _definition(it: computed.Definition) -> FigureDefinition:
    return FigureDefinition(
        id=strawberry.ID(it.id),
        version=it.version,
        topic=it.topic,
        title=_text(it.title),
        text=_text(it.text),
        population=_text(it.population),
        distinct_key=it.distinct_key,
        window=it.window,
        unit=it.unit,
        time_zone=it.time_zone,
        jurisdictions=list(it.jurisdictions),
        events=list(it.events),
    )


def _text(it: computed.Text) -> Text:
    return Text(nl=it.nl, fr=it.fr, de=it.de, en=it.en)


def _growth(it: computed.Growth | None) -> Growth | None:
    if it is None:
        return None
    return Growth(
        previous=computed.rounded(it.previous, 2),
        current=computed.rounded(it.current, 2),
        percent=it.percent,
        factor=it.factor,
    )


def _provenance(it: computed.Provenance) -> Provenance:
    return Provenance(events=list(it.events), position=Long(it.position), computed_at=it.computed_at)


def _figure(it: computed.Figure) -> Figure:
    return Figure(
        definition=_definition(it.definition),
        jurisdiction=it.jurisdiction,
        period=str(it.period),
        value=Long(it.value),
        quality=it.quality,
        growth=_growth(it.growth),
        provenance=_provenance(it.provenance),
    )


def _table(it: computed.OpenRateTable) -> OpenRateTable:
    return OpenRateTable(
        jurisdiction=it.jurisdiction,
        rows=[_row(it, row) for row in it.rows],
        subtotal=_row(it, it.subtotal),
        total=_row(it, it.total),
        provenance=_provenance(it.provenance),
    )


def _row(table: computed.OpenRateTable, row: computed.OpenRateRow) -> OpenRateRow:
    return OpenRateRow(
        sender_type=row.sender_type,
        years=[_year(table, year, cohort) for year, cohort in zip(table.years, row.cohorts, strict=True)],
        differences=[OpenRateDifference(weeks=weeks, points=row.difference(weeks)) for weeks in WINDOWS_WEEKS],
        quality=row.quality,
        notifications_only=row.notifications_only,
    )


def _year(table: computed.OpenRateTable, year: computed.Period, cohort: computed.Cohort) -> OpenRateYear:
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


def _index(it: computed.IndexSeries) -> UseIndex:
    return UseIndex(
        audience=Audience(it.audience),
        points=[
            IndexPoint(
                period=str(point.period),
                value=point.shown,
                services=point.services,
                uses=Long(point.uses),
                growth=_growth(it.growth(point)),
            )
            for point in it.points
        ],
    )


# --- Queries --------------------------------------------------------------------------------------------------------


def _headline(figure_id: str) -> computed.Definition:
    found = next((it for it in HEADLINES if it.id == figure_id), None)
    if found is None:
        raise Problem(404, "figure-not-found", "There is no figure with this id.")
    return found


def _years(years: Sequence[int]) -> list[computed.Period]:
    if not 1 <= len(years) <= MAX_YEARS or any(year not in YEARS for year in years):
        raise Problem(422, "invalid-years", f"Name from 1 to {MAX_YEARS} years from 2000 on.")
    return [computed.Period(year, 1, 12) for year in dict.fromkeys(years)]


@strawberry.type
class FigureQueries:
    @described("What each published figure counts.", right=PUBLISHED)
    def figure_definitions(self) -> list[FigureDefinition]:
        return [_definition(it) for it in DEFINITIONS.values()]

    @described("The headline figures of a period: 2021, 2021-11, 2022-H1 or 2017-09/2017-10.", right=PUBLISHED)
    async def figures(self, info: Info, jurisdiction: Jurisdiction, period: str) -> list[Figure]:
        wanted = computed.Period.parse(period)
        async with info.context.snapshot() as snapshot:
            found = await snapshot.figures(jurisdiction, wanted, info.context.request.now)
        return [_figure(it) for it in found]

    @described("One headline figure in one period.", right=PUBLISHED)
    async def figure(
        self,
        info: Info,
        figure_id: Id,
        jurisdiction: Jurisdiction,
        period: str,
    ) -> Figure | None:
        definition, wanted = _headline(figure_id), computed.Period.parse(period)
        async with info.context.snapshot() as snapshot:
            found = await snapshot.figures(jurisdiction, wanted, info.context.request.now)
        return next((_figure(it) for it in found if it.definition.id == definition.id), None)

    @described("One headline figure in many periods, at most 36.", right=PUBLISHED)
    async def figure_series(
        self,
        info: Info,
        figure_id: Id,
        jurisdiction: Jurisdiction,
        periods: list[str],
    ) -> list[FigurePoint]:
        definition = _headline(figure_id)
        if len(periods) > MAX_PERIODS:
            raise Problem(422, "too-many-periods", f"A series has at most {MAX_PERIODS} periods.")
        wanted = [computed.Period.parse(period) for period in periods]
        async with info.context.snapshot() as snapshot:
            found = await snapshot.series(definition.id, jurisdiction, wanted, info.context.request.now)
        return [FigurePoint(period=str(it.period), value=Long(it.value), quality=it.quality) for it in found]

    @described("The open rates by type of sender, some years side by side.", right=PUBLISHED)
    async def open_rates(
        self, info: Info, jurisdiction: Jurisdiction, years: list[int], where: OpenRateFilter | None = None
    ) -> OpenRateTable:
        wanted, given = _years(years), where or OpenRateFilter()
        applied = computed.OpenRateFilter(
            outside_government=given.outside_government,
            notification_only=given.notification_only,
            not_taken_into_use=given.not_taken_into_use,
        )
        async with info.context.snapshot() as snapshot:
            return _table(await snapshot.open_rates(jurisdiction, wanted, info.context.request.now, applied))

    @described("The index of use of each target group.", right=PUBLISHED)
    async def use_index(self, info: Info, jurisdiction: Jurisdiction) -> list[UseIndex]:
        async with info.context.snapshot() as snapshot:
            return [_index(it) for it in await snapshot.indices(jurisdiction, info.context.request.now)]
