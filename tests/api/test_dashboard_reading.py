"""The page on figures that are computed from the rows of a real PostgreSQL, wired as the composition root wires it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from api.dashboard import FiguresSnapshot
from projections import message_counts, service_use, services
from projections.figures.computed import FiguresVersion
from projections.figures.figure_reading import Reading
from projections.read_model import METADATA, SCHEMA
from tests.api.world import over
from tests.api.world.figures import dashboard_over


class PostgresFigures:
    """One repeatable-read transaction for each page; no pool, since each request of the test has its own loop."""

    def __init__(self, url: str) -> None:
        self.engine = create_async_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
        self.version = FiguresVersion()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FiguresSnapshot]:
        async with self.engine.connect() as connection:
            yield Reading(connection, 815, version=self.version)

    async def figures_version(self) -> FiguresVersion:
        return self.version


def test_the_page_shows_what_the_read_models_hold(database_url: str) -> None:
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        METADATA.create_all(connection)
    reader = PostgresFigures(url)
    visitor = over(dashboard_over(reader))
    assert "There are no data for this choice yet." in visitor.reads("/dashboard/en").text
    counts = [("2022-03", 1_480), ("2021-01", 1_000)]
    with engine.begin() as connection:
        for month, count in counts:
            row = {"month": month, "jurisdiction": "be", "sender_id": "s", "sender_type": "municipality"}
            connection.execute(
                message_counts.Row.table.insert(), row | {"channel": "digital", "sent": count, "delivered": count}
            )
        connection.execute(
            services.Row.table.insert(),
            dict.fromkeys((column.name for column in services.Row.table.c if not column.nullable), "")
            | {"service_id": "s", "jurisdiction": "be", "audience": "citizen"}
            | {"registered_at": datetime(2014, 1, 1, tzinfo=UTC), "closed_at": None},
        )
        for month, uses in (("2014-11", 100), ("2015-01", 150), ("2022-06", 300)):
            row = {"month": month, "jurisdiction": "be", "audience": "citizen", "service_id": "s"}
            connection.execute(service_use.Row.table.insert(), row | {"uses": uses})
    engine.dispose()
    reader.version = FiguresVersion({"all": "changed"})
    page = visitor.reads("/dashboard/en").text
    for said in ("first half of 2022", "1,480", "+48%", "1,000 a year earlier", "position 815 of the log"):
        assert said in page, said
    assert "Connected services" in page
    index = visitor.reads("/dashboard/en/figures/use-index.csv?period=2015-01").text
    assert [row.split(",")[:3] for row in index.splitlines()[1:]] == [["2014-11/2014-12", "citizen", "100.00"]]
    for path in ("open-rate", "authentications", "unique-mailbox-users"):
        assert visitor.reads(f"/dashboard/en/figures/{path}").status_code == 200
    assert visitor.reads("/dashboard/en/figures/messages-sent.csv").text.splitlines()[:2] == [
        "\ufeffperiod,value,quality,unit,figure,definitionVersion,jurisdiction,position,sample,licence",
        "2022-06,0,exact,messages,messages_sent,1,be,815,false,CC-BY-4.0",
    ]
