"""What row-level security costs a query, and what the size of the platform costs a small agency.

`python -m benchmarks.row_security [--quick] [--json]`. The queries are those of the GraphQL API, with its own filter in
them, sent as the API sends them. One database has the policies of the platform; in the other they are switched off, and
nothing is said of the viewer. `ratios` are medians with it over medians without; `small_agency_page_vs_large` is the
page of messages of an agency that sent one letter over that of the agency that sent the most, in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import uvloop
from psycopg import sql
from sqlalchemy import Column, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.graph.queries.connections import PageRequest, page_query
from benchmarks.measuring import Measured, Report, show
from benchmarks.server import own_server
from infrastructure.database.addresses import Addresses
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rows.definitions import platform
from infrastructure.read_models.reading import ReadModels
from projections import consents, invoices, mailboxes, message_timeline, messages, people
from projections.read_model import SCHEMA, ReadModel
from projections.registry import PROJECTIONS
from projections.row_security import VIEWER, Viewer, rows_seen

MESSAGES, QUICK_MESSAGES = 200_000, 20_000
ROUNDS, QUICK_ROUNDS = 300, 60
WARM_UP = 12
"""Rounds that are not measured: a statement is prepared once it was sent some times, and then its plan is kept."""

PAGE = PageRequest(size=50, backwards=False, after=None, before=None)
LARGE, SMALL, PERSON, MESSAGE = "org-1", "org-small", "person-1", "message-10"
AGENCY = Viewer(role="agency", organisation_id=LARGE, person_id=PERSON)
SMALL_AGENCY = Viewer(role="agency", organisation_id=SMALL)
AUDITOR = Viewer(role="auditor", organisation_id="audit")
SMALL_VS_LARGE = "small_agency_page_vs_large"

Query = Select[*tuple[Any, ...]]

# Ten providers and ten senders, and one more sender of a single letter; each person gets ten letters.
ROWS: Mapping[Table, tuple[int, Mapping[str, str]]] = {
    consents.Row.table: (10, {"consent_id": "'consent-' || n", "person_id": "'person-' || n", "provider_id": "{org}"}),
    mailboxes.Row.table: (10, {"mailbox_id": "'person-' || n", "owner_kind": "'person'", "provider_id": "{org}"}),
    people.Row.table: (10, {"person_id": "'person-' || n"}),
    messages.Row.table: (
        1,
        {
            "message_id": "'message-' || n",
            "mailbox_id": "'person-' || n / 10",
            "sender_id": "CASE n WHEN 7 THEN 'org-small' ELSE 'org-' || n / 3 % 10 END",
            "provider_ids": "ARRAY[{org}]",
            "published_at": "{at}",
        },
    ),
    message_timeline.Row.table: (1, {"message_id": "'message-' || n"}),
    invoices.Row.table: (4, {"invoice_id": "'invoice-' || n", "buyer_id": "{org}"}),
}
"""By table, for how many messages there is one row, and its columns by the number `n`; the others are usual values."""

USUAL = {str: "''", int: "1", bool: "false", list: "ARRAY[]::text[]"}


@dataclass(frozen=True, slots=True)
class Timed:
    """A query, and for whom it is asked."""

    viewer: Viewer
    query: Query


def main(arguments: Sequence[str]) -> None:
    quick = "--quick" in arguments
    report = uvloop.run(measure(QUICK_MESSAGES, QUICK_ROUNDS) if quick else measure(MESSAGES, ROUNDS))
    show(report, as_json="--json" in arguments)


async def measure(size: int, rounds: int) -> Report:
    """Send each query in turn with and without row-level security, so that a busy moment hits both."""
    with own_server() as server:
        urls = [server.url, server.database("without")]
        for url in urls:
            await asyncio.to_thread(_fill, url, size)
        await asyncio.to_thread(_switch_off, urls[1])
        models = [ReadModels(Addresses.at(url).reader, PROJECTIONS) for url in urls]
        engines = [it.engine.execution_options(isolation_level="AUTOCOMMIT") for it in models]
        measured: dict[str, Measured] = {}
        ratios: dict[str, float] = {}
        for name, timed in _queries().items():
            secured, open_to_all = await _compare(engines, [timed, Timed(NOBODY, timed.query)], rounds)
            measured[f"{name}, with it (µs)"] = secured
            measured[f"{name}, without (µs)"] = open_to_all
            ratios[name] = secured.median / open_to_all.median
        ratios["all_queries_geometric_mean"] = statistics.geometric_mean(ratios.values())
        ratios[SMALL_VS_LARGE] = await _small_vs_large(engines[0], rounds, measured)
        for it in models:
            await it.aclose()
    return Report(measured, ratios, {}, {"messages": f"{size:,}", "rounds": str(rounds)})


NOBODY = Viewer(role="")
"""Where row-level security is off, it says nothing."""


def _queries() -> Mapping[str, Timed]:
    message, box, step = messages.Row.table.c, mailboxes.Row.table.c, message_timeline.Row.table.c
    queries: dict[str, Timed] = {}
    for viewer in (AGENCY, AUDITOR):
        seen = rows_seen(messages.Row.table, viewer)
        asked: Mapping[str, Query] = {
            "one_message": _one(messages.Row.table, message.message_id, MESSAGE, viewer),
            "its_steps": _one(message_timeline.Row.table, step.message_id, MESSAGE, viewer),
            "one_mailbox": _one(mailboxes.Row.table, box.mailbox_id, PERSON, viewer),
            "page_of_messages": _page(messages.READ_MODEL, viewer),
            "page_of_consents": _page(consents.READ_MODEL, viewer),
            "page_of_people": _page(people.READ_MODEL, viewer),
            "page_of_invoices": _page(invoices.READ_MODEL, viewer),
            "all_messages_counted": select(func.count()).select_from(messages.Row.table).where(seen),
        }
        queries |= {f"{viewer.role}_{name}": Timed(viewer, query) for name, query in asked.items()}
    return queries


def _one(table: Table, key: Column[Any], value: str, viewer: Viewer) -> Query:
    return select(table).where(key == value, rows_seen(table, viewer))


def _page(model: ReadModel, viewer: Viewer) -> Query:
    return page_query(model.table, model.lists["newest"], PAGE, viewer)


async def _compare(engines: Sequence[AsyncEngine], timed: Sequence[Timed], rounds: int) -> Sequence[Measured]:
    taken: list[list[float]] = [[] for _ in timed]
    found: set[int] = set()
    for number in range(WARM_UP + rounds):
        for at, (engine, it) in enumerate(zip(engines, timed, strict=True)):
            seconds, rows = await _ask(engine, it)
            if number >= WARM_UP:
                taken[at].append(seconds * 1e6)
            found.add(hash(str(rows)))
    assert len(found) == 1, "both have to find the same rows"
    return [Measured(it) for it in taken]


async def _small_vs_large(engine: AsyncEngine, rounds: int, measured: dict[str, Measured]) -> float:
    """Read the pages of both in turn; return how much longer that of the small agency takes."""
    pages = [Timed(viewer, _page(messages.READ_MODEL, viewer)) for viewer in (SMALL_AGENCY, AGENCY_ALONE)]
    taken: list[list[float]] = [[], []]
    for number in range(WARM_UP + rounds):
        for at, page in enumerate(pages):
            seconds, rows = await _ask(engine, page)
            assert len(rows) == (1 if at == 0 else PAGE.size + 1)
            if number >= WARM_UP:
                taken[at].append(seconds * 1e6)
    small, large = (Measured(it) for it in taken)
    measured["page of the smallest agency (µs)"], measured["page of the largest agency (µs)"] = small, large
    return small.median / large.median


AGENCY_ALONE = Viewer(role="agency", organisation_id=LARGE)


async def _ask(engine: AsyncEngine, timed: Timed) -> tuple[float, Sequence[Any]]:
    began = time.perf_counter()
    async with engine.connect() as connection:
        rows = (await connection.execute(timed.query, execution_options={VIEWER: timed.viewer})).all()
    return time.perf_counter() - began, rows


# --- The rows -------------------------------------------------------------------------------------------------------


def _fill(url: str, size: int) -> None:
    with psycopg.connect(Addresses.at(url).projector, autocommit=True) as connection:
        Projector(connection, platform()).prepare()
        for table, (share, columns) in ROWS.items():
            values = {column.name: columns.get(column.name, _usual(column)) for column in table.columns}
            placed = (it.format(org="'org-' || n % 10", at="'2022-03-01'::timestamptz") for it in values.values())
            insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series(1, {}) AS n").format(
                sql.Identifier(SCHEMA, table.name),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.SQL, placed)),
                sql.Literal(size // share),
            )
            connection.execute(insert)
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(SCHEMA, table.name)))


def _usual(column: Column[Any]) -> str:
    if column.name == "status":
        return "'granted'"
    return USUAL.get(column.type.python_type, "'2022-01-01'::timestamptz + n * interval '1 second'")


def _switch_off(url: str) -> None:
    with psycopg.connect(Addresses.at(url).projector, autocommit=True) as connection:
        for projection in PROJECTIONS:
            table = sql.Identifier(SCHEMA, projection.table.name)
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(table))


if __name__ == "__main__":
    main(sys.argv[1:])
