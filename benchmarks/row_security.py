"""What row-level security costs a query: the same queries with it and without, over the same rows.

`python -m benchmarks.row_security [--quick] [--json]`. The queries are those of the GraphQL API, with its own filter in
them, sent as the API sends them. One database has the policies of the platform; in the other they are switched off, and
nothing is said of the viewer. `ratios` are medians with it over medians without.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import uvloop
from psycopg import sql
from sqlalchemy import Column, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.graph.queries.visibility import visible
from application.ports import Caller, Role
from benchmarks.measuring import Measured, Report, show
from benchmarks.server import own_server
from infrastructure.database import Addresses
from infrastructure.projector import Projector, platform
from infrastructure.read_models import ReadModels
from projections import consents, invoices, mailboxes, message_timeline, messages, people
from projections.read_model import SCHEMA
from projections.registry import PROJECTIONS
from projections.row_security import VIEWER, Viewer

MESSAGES, QUICK_MESSAGES = 200_000, 20_000
ROUNDS, QUICK_ROUNDS = 300, 60
WARM_UP = 10
"""Rounds that are not measured: a statement is prepared once it was sent a few times."""

PAGE = 50
OWN, PERSON, MESSAGE = "org-1", "person-1", "message-1"
AGENCY = Caller(subject="official-7", role=Role.AGENCY, organisation_id=OWN)
AUDITOR = Caller(subject="official-7", role=Role.AUDITOR, organisation_id="audit")

Query = Select[*tuple[Any, ...]]

# Ten providers and ten senders; each person consents to one provider, and gets ten messages.
ROWS: Mapping[Table, tuple[int, Mapping[str, str]]] = {
    consents.TABLE: (10, {"consent_id": "'consent-' || n", "person_id": "'person-' || n", "provider_id": "{org}"}),
    mailboxes.TABLE: (10, {"mailbox_id": "'person-' || n", "owner_kind": "'person'", "provider_id": "{org}"}),
    people.TABLE: (10, {"person_id": "'person-' || n"}),
    messages.TABLE: (
        1,
        {
            "message_id": "'message-' || n",
            "mailbox_id": "'person-' || n / 10",
            "sender_id": "'org-' || n / 3 % 10",
            "published_at": "{at}",
        },
    ),
    message_timeline.TABLE: (1, {"message_id": "'message-' || n"}),
    invoices.TABLE: (4, {"invoice_id": "'invoice-' || n", "buyer_id": "{org}"}),
}
"""By table, for how many messages there is one row, and its columns by the number `n`; the others are usual values."""

USUAL = {str: "''", int: "1", bool: "false"}


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
        for name, (caller, query) in _queries().items():
            secured, open_to_all = await _compare(engines, caller, query, rounds)
            measured[f"{name}, with it (µs)"] = secured
            measured[f"{name}, without (µs)"] = open_to_all
            ratios[name] = secured.median / open_to_all.median
        for it in models:
            await it.close()
    ratios["all_queries_geometric_mean"] = statistics.geometric_mean(ratios.values())
    return Report(measured, ratios, {}, {"messages": f"{size:,}", "rounds": str(rounds)})


def _queries() -> Mapping[str, tuple[Caller, Query]]:
    c, box, step = messages.TABLE.c, mailboxes.TABLE.c, message_timeline.TABLE.c
    newest = (c.sent_at.desc(), c.message_id.desc())
    queries: dict[str, tuple[Caller, Query]] = {}
    for caller in (AGENCY, AUDITOR):
        counted = visible(caller, messages.TABLE, select(func.count()).select_from(messages.TABLE))
        asked: Mapping[str, Query] = {
            "one_message": visible(caller, messages.TABLE).where(c.message_id == MESSAGE),
            "its_steps": visible(caller, message_timeline.TABLE).where(step.message_id == MESSAGE),
            "one_mailbox": visible(caller, mailboxes.TABLE).where(box.mailbox_id == PERSON),
            "page_of_messages": visible(caller, messages.TABLE).order_by(*newest).limit(PAGE),
            "page_of_consents": _page(caller, consents.TABLE, consents.TABLE.c.consent_id),
            "page_of_people": _page(caller, people.TABLE, people.TABLE.c.person_id),
            "page_of_invoices": _page(caller, invoices.TABLE, invoices.TABLE.c.invoice_id),
            "all_messages_counted": counted,
        }
        queries |= {f"{caller.role}_{name}": (caller, query) for name, query in asked.items()}
    return queries


def _page(caller: Caller, table: Table, column: Column[Any]) -> Query:
    return visible(caller, table).order_by(column).limit(PAGE)


async def _compare(engines: Sequence[AsyncEngine], caller: Caller, query: Query, rounds: int) -> Sequence[Measured]:
    viewers = (Viewer(role=caller.role, organisation_id=caller.organisation_id), None)
    taken: list[list[float]] = [[], []]
    found: set[int] = set()
    for number in range(WARM_UP + rounds):
        for at, (engine, viewer) in enumerate(zip(engines, viewers, strict=True)):
            began = time.perf_counter()
            async with engine.connect() as connection:
                rows = (await connection.execute(query, execution_options={VIEWER: viewer})).all()
            if number >= WARM_UP:
                taken[at].append((time.perf_counter() - began) * 1e6)
            found.add(hash(tuple(rows)))
    assert len(found) == 1, "both have to find the same rows"
    return [Measured(it) for it in taken]


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
