"""Figures computed on a real PostgreSQL, from rows as the projections write them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.kernel import Jurisdiction
from projections import (
    authentications,
    bus_counts,
    consents,
    enrolments,
    invoice_counts,
    message_counts,
    open_rates,
    service_use,
    services,
)
from projections.figures.coverage import History
from projections.figures.figure_reading import Reading
from projections.figures.figure_values import Quality
from projections.figures.period import Period
from projections.figures.shares import OTHER_PARTS, Share
from projections.open_rates import OpenRateFilter
from projections.read_model import METADATA, SCHEMA

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BE, NL = Jurisdiction.BE, Jurisdiction.NL
pytestmark = pytest.mark.anyio


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Reading]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            await connection.run_sync(METADATA.create_all)
        async with engine.connect() as connection:
            yield Reading(connection, 4711)
    finally:
        await engine.dispose()


async def put(connection: AsyncConnection, table: Any, *rows: dict[str, Any]) -> None:
    """Insert rows; a column that the row does not name gets an empty text, zero or nothing."""
    blank = {
        column.name: None if column.nullable else {str: "", int: 0, bool: False}.get(column.type.python_type)
        for column in table.c
    }
    await connection.execute(insert(table), [{**blank, **row} for row in rows])


def consent(person: str, provider: str, granted: str, withdrawn: str = "") -> dict[str, Any]:
    return {
        "consent_id": f"{person}.{provider}",
        "grant_number": 1,
        "person_id": person,
        "provider_id": provider,
        "jurisdiction": "be",
        "granted_at": at(granted),
        "withdrawn_at": at(withdrawn) if withdrawn else None,
    }


def at(text_: str) -> datetime:
    return datetime.fromisoformat(text_).replace(tzinfo=UTC)


async def values(figures: Reading, period: str, jurisdiction: Jurisdiction = BE) -> dict[str, tuple[int, int | None]]:
    """Return value and growth in percent by figure."""
    computed = await figures.figures(jurisdiction, Period.parse(period), NOW)
    return {
        it.definition.id: (it.value, None if it.growth is None or it.growth.percent is None else int(it.growth.percent))
        for it in computed
    }


async def test_consents_and_users_are_counted_as_of_the_end_in_civil_time(database_url: str) -> None:
    async with reading(database_url) as figures:
        await put(
            figures.connection,
            consents.Row.table,
            consent("ann", "ebox", "2020-05-01"),
            consent("ann", "doccle", "2021-05-01"),
            consent("bob", "ebox", "2021-02-01", "2021-11-30T22:59:59"),
            consent("cas", "ebox", "2021-02-01", "2021-11-30T23:00:00"),
            consent("dee", "ebox", "2021-11-30T23:00:00"),
            consent("eva", "ebox", "2021-11-30T22:59:59"),
        )
        got = await values(figures, "2021-11")
        assert got["active_consents"] == (4, 300)
        assert got["unique_mailbox_users"] == (3, 200)
        assert (await values(figures, "2021-11", NL))["active_consents"] == (0, None)


async def test_connected_and_sending_are_two_figures(database_url: str) -> None:
    async with reading(database_url) as figures:
        roles = [("a", "2020-01-01", None), ("b", "2021-06-30T21:00:00", None), ("c", "2020-02-01", "2021-03-01")]
        await put(
            figures.connection,
            enrolments.Row.table,
            *(
                {
                    "organisation_id": name,
                    "enrolment": "mailbox_sender",
                    "enrolment_number": 1,
                    "jurisdiction": "be",
                    "enrolled_at": at(begun),
                    "ended_at": at(ended) if ended else None,
                }
                for name, begun, ended in roles
            ),
            {
                "organisation_id": "d",
                "enrolment": "invoice_receiver",
                "enrolment_number": 1,
                "jurisdiction": "be",
                "enrolled_at": at("2019-01-01"),
            },
        )
        counts = [("2021-06", "a", 5, 4), ("2021-06", "z", 0, 1), ("2020-06", "a", 2, 1), ("2020-06", "c", 1, 1)]
        await put(
            figures.connection,
            message_counts.Row.table,
            *(
                {"month": month, "jurisdiction": "be", "sender_id": sender, "sent": sent, "delivered": delivered}
                for month, sender, sent, delivered in counts
            ),
        )
        got = await values(figures, "2021-06")
        assert got["senders_connected"] == (2, 0)
        assert got["sending_organisations"] == (1, -50)
        assert got["messages_sent"] == (5, 67)
        assert got["messages_to_active_mailboxes"] == (5, 150)
        assert got["invoice_receivers"] == (1, 0)


async def test_counts_of_a_half_year_and_their_parts(database_url: str) -> None:
    async with reading(database_url) as figures:
        bus = [
            ("2022-01", "person", 50),
            ("2022-06", "vehicle", 20),
            ("2022-07", "person", 99),
            ("2021-01", "person", 50),
        ]
        await put(
            figures.connection,
            bus_counts.Row.table,
            *(
                {"month": month, "jurisdiction": "be", "service_family": name, "accepted": it}
                for month, name, it in bus
            ),
        )
        await put(
            figures.connection,
            invoice_counts.Row.table,
            {"month": "2022-02", "jurisdiction": "be", "buyer_id": "x", "received": 178},
            {"month": "2021-01", "jurisdiction": "be", "buyer_id": "x", "received": 100},
        )
        signed = [("itsme", "high", "succeeded", 17), ("eid", "high", "succeeded", 12), ("eid", "low", "refused", 40)]
        await put(
            figures.connection,
            authentications.Row.table,
            *(
                {
                    "month": "2022-03",
                    "jurisdiction": "be",
                    "means": means,
                    "level": level,
                    "outcome": outcome,
                    "authentications": count,
                }
                for means, level, outcome, count in signed
            ),
        )
        half = Period.parse("2022-H1")
        got = await values(figures, "2022-H1")
        assert got["bus_transactions"] == (70, 40)
        assert got["service_families"] == (2, 100)
        assert got["invoices_received"] == (178, 78)
        assert got["authentications"] == (29, None)
        assert await figures.shares("authentications", "means", BE, half) == (Share("itsme", 17), Share("eid", 12))
        assert await figures.shares("authentications", "level", BE, half) == (Share("high", 29),)
        assert await figures.shares("bus_transactions", "service_family", BE, half) == (
            Share("person", 50),
            Share("vehicle", 20),
        )
        series = await figures.series("bus_transactions", BE, half.months_until(7), NOW)
        assert [point.value for point in series] == [0, 50, 0, 0, 0, 0, 20]
        history = await figures.history(BE)
        assert (history.months[0], history.months[-1], len(history.months)) == ("2021-01", "2022-07", 19)
        assert history.first["authentications"] == "2022-03"
        assert await figures.history(NL) == History()


async def test_a_period_without_history_has_no_data_and_a_silent_month_within_it_is_zero(database_url: str) -> None:
    async with reading(database_url) as figures:
        await put(
            figures.connection,
            message_counts.Row.table,
            *({"month": month, "jurisdiction": "nl", "sent": sent} for month, sent in (("2017-01", 7), ("2018-12", 9))),
        )
        # A row of a month in which nothing was sent: an opening or a payment of something earlier.
        rest = {"month": "2019-01", "jurisdiction": "nl"}
        await put(figures.connection, message_counts.Row.table, {**rest, "sender_id": "a", "sent": 0, "delivered": 0})
        await put(figures.connection, invoice_counts.Row.table, {**rest, "buyer_id": "a", "received": 0})
        received = ({"month": month, "jurisdiction": "nl", "received": 1} for month in ("2017-11", "2018-06"))
        await put(figures.connection, invoice_counts.Row.table, *received)
        months = [Period.parse(month) for month in ("2016-12", "2017-01", "2017-12", "2018-12", "2019-01")]
        points = await figures.series("messages_sent", NL, months, NOW)
        assert [(point.known, point.quality) for point in points] == [
            (None, Quality.NO_DATA),
            (7, Quality.EXACT),
            (0, Quality.EXACT),
            (9, Quality.EXACT),
            (None, Quality.NO_DATA),
        ]
        by_id = {it.definition.id: it for it in await figures.figures(NL, Period.parse("2019-H1"), NOW)}
        assert {(it.known, it.quality, it.growth) for it in by_id.values()} == {(None, Quality.NO_DATA, None)}
        by_id = {it.definition.id: it for it in await figures.figures(NL, Period.parse("2017"), NOW)}
        assert by_id["messages_sent"].growth is None
        invoices = by_id["invoices_received"]
        assert (invoices.known, invoices.quality, invoices.growth) == (1, Quality.PARTIAL, None)
        assert by_id["bus_transactions"].quality is Quality.NO_DATA


async def test_small_parts_are_published_together(database_url: str) -> None:
    async with reading(database_url) as figures:
        families = (("person", 90), ("vehicle", 6), ("justice", 2), ("health", 1))
        await put(
            figures.connection,
            bus_counts.Row.table,
            *(
                {"month": "2022-01", "jurisdiction": "be", "service_family": name, "accepted": it}
                for name, it in families
            ),
        )
        shares = await figures.shares("bus_transactions", "service_family", BE, Period.parse("2022-01"))
        assert shares == (Share("person", 90), Share(OTHER_PARTS, 9))


async def test_a_period_that_still_runs_is_provisional_and_has_no_growth(database_url: str) -> None:
    async with reading(database_url) as figures:
        await put(figures.connection, consents.Row.table, consent("ann", "ebox", "2021-06-01"))
        now = at("2021-11-20")
        (figure, *_) = await figures.figures(BE, Period.parse("2021"), now)
        assert (figure.value, figure.quality, figure.growth) == (1, Quality.PROVISIONAL, None)
        assert (figure.provenance.position, figure.provenance.computed_at) == (4711, now)
        assert figure.provenance.events == ("consent.granted.v1", "consent.withdrawn.v1")


async def test_open_rates_and_their_filters(database_url: str) -> None:
    async with reading(database_url) as figures:
        kinds: list[tuple[str, dict[str, bool], tuple[int, int, int]]] = [
            ("municipality", {"taken_into_use": True}, (200, 133, 142)),
            ("pension_fund", {"taken_into_use": True, "outside_government": True}, (1000, 1000, 1000)),
            ("tax_administration", {"taken_into_use": True}, (900, 400, 450)),
            ("tax_administration", {"taken_into_use": False}, (100, 0, 0)),
            ("employee_insurance_agency", {"taken_into_use": True, "notification_only": True}, (100, 48, 54)),
        ]
        await put(
            figures.connection,
            open_rates.Row.table,
            *(
                {
                    "jurisdiction": "nl",
                    "period": "2018-03",
                    "sender_type": kind,
                    **kept,
                    "published": counts[0],
                    "opened_3_weeks": counts[1],
                    "opened_6_weeks": counts[2],
                }
                for kind, kept, counts in kinds
            ),
        )
        years = (Period.parse("2017"), Period.parse("2018"))
        table = await figures.open_rates(NL, years, NOW)
        assert {row.sender_type: [row.cohorts[1].rate(3), row.quality] for row in table.rows} == {
            # 66.5 % is 67 %: halves go up.
            "municipality": [67, Quality.EXACT],
            "employee_insurance_agency": [48, Quality.EXACT],
            "tax_administration": [40, Quality.APPROXIMATE],
        }
        assert (table.subtotal.cohorts[1].published, table.total.cohorts[1].published) == (200, 1300)
        strict = OpenRateFilter(outside_government=True, notification_only=False, not_taken_into_use=False)
        table = await figures.open_rates(NL, years, NOW, strict)
        assert {row.sender_type: row.cohorts[1].rate(3) for row in table.rows} == {
            "municipality": 67,
            "pension_fund": 100,
            "tax_administration": 44,
        }


async def test_the_index_of_each_target_group(database_url: str) -> None:
    async with reading(database_url) as figures:
        await put(
            figures.connection,
            services.Row.table,
            {"service_id": "s", "audience": "citizen", "jurisdiction": "be", "registered_at": at("2014-10-01")},
            {"service_id": "t", "audience": "company", "jurisdiction": "be", "registered_at": at("2014-10-01")},
        )
        uses = [("2014-11", 60), ("2014-12", 40), ("2015-01", 100), ("2015-02", 118)]
        await put(
            figures.connection,
            service_use.Row.table,
            *(
                {"month": month, "jurisdiction": "be", "audience": "citizen", "service_id": "s", "uses": count}
                for month, count in uses
            ),
        )
        citizen, company, government = await figures.indices(BE, NOW)
        assert [(str(it.period), str(it.shown)) for it in citizen.points] == [
            ("2014-11/2014-12", "100.00"),
            ("2015-01/2015-02", "218.00"),
        ]
        assert (company.points, government.points) == ((), ())
        assert (await values(figures, "2015-02"))["connected_services"] == (2, None)
