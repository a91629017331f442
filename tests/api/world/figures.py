"""A reader of made-up figures for the tests of the page: the published ones where there are any."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from fastapi import FastAPI

from api.dashboard import FiguresReader, PageServing, dashboard_router
from domain.kernel import Jurisdiction
from projections.figures.computed import FiguresVersion
from projections.figures.coverage import History
from projections.figures.figure_definitions import DEFINITIONS, HEADLINES, OPEN_RATE
from projections.figures.figure_values import Figure, Growth, Point, Provenance, Quality
from projections.figures.index import BASE, IndexPoint, IndexSeries
from projections.figures.open_rate_table import Cohort, OpenRateTable, build_table
from projections.figures.period import Period
from projections.figures.shares import Share
from projections.open_rates import OpenRateFilter

NOW = datetime(2026, 11, 21, 17, 20, tzinfo=UTC)
POSITION = 1_234_567

# Value in the period, and a year before.
VALUES: dict[str, tuple[int, int]] = {
    "active_consents": (3_102_226, 1_455_257),
    "unique_mailbox_users": (2_275_874, 1_120_000),
    "messages_sent": (7_400_000, 5_100_000),
    "messages_to_active_mailboxes": (1_567_131, 1_058_872),
    "senders_connected": (412, 253),
    "sending_organisations": (223, 82),
    "authentications": (250_000_000, 135_135_135),
    "connected_services": (1_400, 1_290),
    "bus_transactions": (580_000_000, 414_285_714),
    "service_families": (24, 24),
    "invoices_received": (650_000, 365_169),
    "invoice_receivers": (0, 0),
}
PARTS = {
    "means": (
        ("itsme", 118_000_000),
        ("eid", 61_000_000),
        ("mobile_app", 44_000_000),
        ("token", 21_000_000),
        ("eidas", 6_000_000),
    ),
    "level": (("high", 179_000_000), ("substantial", 50_000_000), ("low", 21_000_000)),
    "service_family": tuple(
        (family, 100_000_000 // place)
        for place, family in enumerate(
            (
                "person",
                "social-security",
                "taxation",
                "enterprise",
                "vehicle",
                "health",
                "mobility",
                "justice",
                "employment",
                "education",
                "land-of-the-living",
            ),
            start=1,
        )
    ),
}
INDICES = {"citizen": Fraction(21892, 100), "company": Fraction(16970, 100), "government": Fraction(13733, 100)}
# Published, opened within 3 and 6 weeks in percent: two years.
RATES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "municipality": ((1_916_371, 66, 71), (3_037_827, 66, 73)),
    "national_organisation": ((257_986, 64, 69), (757_535, 62, 69)),
    "vehicle_authority": ((3_908_188, 52, 59), (4_460_162, 52, 62)),
    "partnership": ((4_197_128, 60, 65), (4_145_621, 64, 73)),
    "social_insurance_bank": ((1_730_701, 65, 73), (1_981_410, 67, 74)),
    "water_authority": ((761_378, 57, 64), (776_673, 57, 67)),
    "tax_administration": ((47_437_307, 42, 45), (50_321_000, 43, 47)),
    "employee_insurance_agency": ((11_965_695, 48, 54), (12_502_437, 47, 55)),
}
LAST = {Jurisdiction.BE: Period.parse("2022-H1"), Jurisdiction.NL: Period.parse("2018")}
UNRECORDED = "invoice_receivers"
"""A figure of which nothing was ever recorded."""


def _history(last: Period) -> History:
    count = (last.year - BASE.year) * 12 + last.month + last.length - BASE.month
    months = [month.months[0] for month in last.months_until(count)]
    return History(months, {figure_id: months[0] for figure_id in DEFINITIONS if figure_id != UNRECORDED})


HISTORIES = {jurisdiction: _history(last) for jurisdiction, last in LAST.items()}


LICENCE = "CC-BY-4.0"


def dashboard_over(figures: FiguresReader, now: Callable[[], datetime] = lambda: NOW) -> FastAPI:
    """Make an application of the pages alone."""
    app = FastAPI()
    serving = PageServing(version_age_s=0, page_age_s=0)
    app.include_router(dashboard_router(figures, now, serving, licence=LICENCE))
    return app


@dataclass
class FakeFigures:
    """Answers as the read models would. With `empty`, nothing has happened yet."""

    empty: bool = False
    sample: bool = False
    position: int = POSITION
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FakeFigures]:
        yield self

    @property
    def version(self) -> FiguresVersion:
        return FiguresVersion({"all": f"{self.position} {self.sample}"})

    async def figures_version(self) -> FiguresVersion:
        return self.version

    async def history(self, jurisdiction: Jurisdiction) -> History:
        self.asked.append("history")
        return History() if self.empty else HISTORIES[jurisdiction]

    async def figures(self, jurisdiction: Jurisdiction, period: Period, now: datetime) -> Sequence[Figure]:
        history = await self.history(jurisdiction)
        return tuple(
            Figure(
                definition=definition,
                jurisdiction=jurisdiction,
                period=period,
                value=0 if quality is Quality.NO_DATA else VALUES[definition.id][0],
                quality=quality,
                growth=_growth(definition.id) if quality is Quality.EXACT else None,
                provenance=Provenance(
                    events=definition.events, position=self.position, computed_at=now, sample=self.sample
                ),
            )
            for definition in HEADLINES
            for quality in (history.quality(definition, period, now),)
        )

    async def series(
        self, figure_id: str, jurisdiction: Jurisdiction, periods: Sequence[Period], now: datetime
    ) -> Sequence[Point]:
        self.asked.append(f"series {figure_id} {jurisdiction}")
        history = await self.history(jurisdiction)
        last, first = VALUES[figure_id]
        steps = max(len(periods) - 1, 1)
        return tuple(
            Point(
                period,
                0 if quality is Quality.NO_DATA else first + (last - first) * at * at // (steps * steps),
                quality,
            )
            for at, period in enumerate(periods)
            for quality in (history.quality(DEFINITIONS[figure_id], period, now),)
        )

    async def shares(
        self, figure_id: str, dimension: str, jurisdiction: Jurisdiction, period: Period
    ) -> Sequence[Share]:
        self.asked.append(f"shares {figure_id} {dimension} {jurisdiction} {period}")
        history = await self.history(jurisdiction)
        known = history.quality(DEFINITIONS[figure_id], period, self.now) is not Quality.NO_DATA
        return tuple(Share(*part) for part in PARTS[dimension]) if known else ()

    async def open_rates(
        self, jurisdiction: Jurisdiction, years: Sequence[Period], now: datetime, applied: OpenRateFilter
    ) -> OpenRateTable:
        published = jurisdiction is Jurisdiction.NL and years[-1] == Period.parse("2018")
        counts = [
            (year, kind, _cohort(kind, *numbers[at]))
            for kind, numbers in RATES.items()
            for at, year in enumerate(years)
            if published or kind == "tax_administration"
        ]
        return build_table(
            jurisdiction=jurisdiction,
            years=years,
            counts=counts if applied.notification_only else counts[:3],
            provenance=Provenance(events=OPEN_RATE.events, position=self.position, computed_at=now, sample=self.sample),
        )

    async def indices(self, jurisdiction: Jurisdiction, now: datetime) -> Sequence[IndexSeries]:
        self.asked.append(f"indices {jurisdiction} {now}")
        return tuple(
            IndexSeries(audience=audience, points=_points(goal, LAST[jurisdiction]))
            for audience, goal in INDICES.items()
        )


def _growth(figure_id: str) -> Growth:
    current, previous = VALUES[figure_id]
    return Growth(Fraction(previous), Fraction(current))


def _cohort(kind: str, published: int, within_3: int, within_6: int) -> Cohort:
    return Cohort(
        published=published,
        opened_3_weeks=published * within_3 // 100,
        opened_6_weeks=published * within_6 // 100,
        estimated=published // 10 if kind == "tax_administration" else 0,
        notifications=published if kind == "employee_insurance_agency" else 0,
    )


def _points(goal: Fraction, last: Period) -> tuple[IndexPoint, ...]:
    """Climb evenly, with a summer dip, so that September/October 2017 has the published value."""
    points, period, at = [], BASE, 0
    while period.end <= last.end:
        dip = Fraction(6) if period.month == 7 else Fraction(0)
        value = 100 + (goal - 100) * at / 17 - dip
        points.append(IndexPoint(period=period, value=value, services=900, uses=1000 + at))
        period, at = period.next(), at + 1
    return tuple(points)
