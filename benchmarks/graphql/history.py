"""The tables that all contenders read: a sample history, and copies of its rows until the tables are large enough.

The history goes through the command path, as everywhere. Bus transactions and messages are then copied inside the
database, each copy under an id of its own and some seconds later than its original: to PostgreSQL and to whoever reads
them they are rows like any other. Nothing of the copies is in the log, so they are not compared or rebuilt here.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.projections.folds import ALL_PROCESSORS
from benchmarks.projections.rebuilding import rebuilding
from benchmarks.projections.serving import environment
from benchmarks.server import Server
from projections.progress import BuildPurpose

WRITTEN_WITHIN_S = 3_600
SCHEMA = "read"
TABLES = ("bus_transactions", "messages", "message_timeline", "organisations")
TRANSACTIONS, MESSAGES = 100_000, 200_000
AGGREGATED, NEWER = 2_400, 4_800
"""Rows that are summed in one question, and those that are newer than all of them."""

FEW_MESSAGES = 20
"""What the small agency sent."""

ROW_IDS = 50
"""So many single rows are asked for in turn."""

LATER_S = 7
"""By how much each copy of a row is later than the one before it."""

NEWEST_TABLE = """
SELECT relname FROM pg_class WHERE relnamespace = {schema}::regnamespace AND relkind = 'r' AND relname ~ {pattern}
ORDER BY substring(relname FROM '[0-9]+$')::int DESC LIMIT 1
"""
COPIES = """
INSERT INTO {table} ({columns}) SELECT {values}
FROM (SELECT * FROM {table} ORDER BY {id}) AS original, generate_series(1, {times}) AS number LIMIT {missing}
"""
STEPS = """
INSERT INTO {table} ({columns}) SELECT {values}
FROM {table} AS original, generate_series(1, {times}) AS number
WHERE EXISTS (SELECT FROM {messages} AS message WHERE message.message_id = {id})
"""
# The same id comes of the same original and number, for a message and for its steps.
ID = "md5(original.{id}::text || {number}::text)::uuid::{type}"
PARTIES = """
SELECT party, count(*) FROM (
    SELECT source_id AS party FROM {transactions} UNION ALL SELECT target_id FROM {transactions}
) AS named GROUP BY party ORDER BY count(*) DESC, party
"""
SENDERS = "SELECT sender_id, count(*) FROM {messages} GROUP BY sender_id ORDER BY count(*) DESC, sender_id"
STRANGERS = """
SELECT organisation_id FROM {organisations} AS stranger WHERE NOT EXISTS (
    SELECT FROM {messages} AS message WHERE stranger.organisation_id
        IN (message.sender_id, message.on_behalf_of, message.mailbox_id)
) ORDER BY organisation_id
"""
GIVE = """
UPDATE {messages} SET sender_id = {sender} WHERE message_id IN (
    SELECT message_id FROM {messages} WHERE on_behalf_of = '' ORDER BY md5(message_id::text) LIMIT {few}
)
"""
ROWS_OF = """
SELECT transaction_id::text, accepted_at FROM {transactions} WHERE {party} IS NULL OR {party} IN (source_id, target_id)
ORDER BY accepted_at DESC, transaction_id DESC OFFSET {newer} LIMIT {most}
"""

Connection = psycopg.Connection[Any]


class NoSuchTableError(LookupError):
    """A read model has no table, or not the columns that are asked for: it was renamed, and the benchmark was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller asks for: the ids of single rows, and the instants between which rows are summed."""

    ids: Sequence[str]
    since: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The tables by the name of their read model, and whom they are about.

    `agency` has the most transactions; `sender` sent the most messages and is another one; `small_sender` sent few.
    """

    tables: Mapping[str, str]
    agency: str
    sender: str
    small_sender: str
    of_all: Asked
    of_agency: Asked


def write(server: Server, scale: float) -> History:
    """Write the sample history as the platform does, with its keys, and make the tables large enough."""
    command = [sys.executable, "-m", "api.cli", "sample", "--json", f"--scale={scale}"]
    settings = environment(server.url, server.folder, server.keys_url)
    subprocess.run(command, env=settings, check=True, stdout=sys.stderr, timeout=WRITTEN_WITHIN_S)
    with rebuilding(server.url, BuildPurpose.FIRST, workers=ALL_PROCESSORS) as rows:
        rows.wait()
    # Row-level security does not bind the superuser.
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        written = fill(connection, TRANSACTIONS, MESSAGES)
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            connection.execute(statement)
    return written


def fill(connection: Connection, transactions: int, messages: int) -> History:
    """Copy rows until there are so many, and choose who asks for what."""
    tables = {name: _newest_table(connection, name) for name in TABLES}
    _copy(connection, tables["bus_transactions"], "transaction_id", "accepted_at", transactions)
    times = _copy(connection, tables["messages"], "message_id", "sent_at", messages)
    _copy_steps(connection, tables, times)
    named = {
        "transactions": sql.Identifier(SCHEMA, tables["bus_transactions"]),
        "messages": sql.Identifier(SCHEMA, tables["messages"]),
        "organisations": sql.Identifier(SCHEMA, tables["organisations"]),
    }
    small_sender = _first(connection, STRANGERS, named)
    sender = _first(connection, SENDERS, named)
    agency = next(party for party in _column(connection, PARTIES, named) if party != sender)
    given = {"sender": sql.Literal(small_sender), "few": sql.Literal(FEW_MESSAGES)}
    connection.execute(sql.SQL(GIVE).format(**named, **given))
    return History(
        tables=tables,
        agency=agency,
        sender=sender,
        small_sender=small_sender,
        of_all=_asked(connection, named, None),
        of_agency=_asked(connection, named, agency),
    )


def _newest_table(connection: Connection, read_model: str) -> str:
    query = sql.SQL(NEWEST_TABLE).format(schema=sql.Literal(SCHEMA), pattern=sql.Literal(f"^{read_model}_v[0-9]+$"))
    row = connection.execute(query).fetchone()
    if row is None:
        raise NoSuchTableError(f"There is no table of the read model {read_model}.")
    return str(row[0])


# --- Copies ---------------------------------------------------------------------------------------------------------


def _copy(connection: Connection, table: str, key: str, at: str, wanted: int) -> int:
    """Copy the rows of a table until there are so many; return how many copies there are of a row at most."""
    target = sql.Identifier(SCHEMA, table)
    there = int(_first(connection, "SELECT count(*) FROM {table}", {"table": target}))
    if not there:
        raise NoSuchTableError(f"There is no row to copy in {table}.")
    missing = max(wanted - there, 0)
    times = -(-missing // there)
    types = _types(connection, table)
    values = {name: sql.Identifier("original", name) for name in types} | {
        key: _copied_id(key, types[key]),
        at: sql.SQL("original.{} + number * {} * interval '1 second'").format(sql.Identifier(at), sql.Literal(LATER_S)),
    }
    statement = sql.SQL(COPIES).format(
        table=target,
        columns=_listed(map(sql.Identifier, values)),
        values=_listed(values.values()),
        id=sql.Identifier(key),
        times=sql.Literal(times),
        missing=sql.Literal(missing),
    )
    connection.execute(statement)
    return times


def _copy_steps(connection: Connection, tables: Mapping[str, str], times: int) -> None:
    """Give each copied message its timeline."""
    table, key = tables["message_timeline"], "message_id"
    types = _types(connection, table)
    copied = _copied_id(key, types[key])
    values = {name: sql.Identifier("original", name) for name in types} | {key: copied}
    statement = sql.SQL(STEPS).format(
        table=sql.Identifier(SCHEMA, table),
        columns=_listed(map(sql.Identifier, values)),
        values=_listed(values.values()),
        times=sql.Literal(times),
        messages=sql.Identifier(SCHEMA, tables["messages"]),
        id=copied,
    )
    connection.execute(statement)


def _copied_id(key: str, kind: str) -> sql.Composed:
    return sql.SQL(ID).format(id=sql.Identifier(key), number=sql.Identifier("number"), type=sql.SQL(kind))


def _types(connection: Connection, table: str) -> Mapping[str, str]:
    """Return the type of each column that takes a value."""
    query = "SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    return dict(connection.execute(f"{query} AND is_generated = 'NEVER'", (SCHEMA, table)).fetchall())


def _listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


# --- Who asks for what ----------------------------------------------------------------------------------------------


def _asked(connection: Connection, named: Mapping[str, sql.Identifier], agency: str | None) -> Asked:
    party = sql.SQL("{}::text").format(sql.Literal(agency))
    part = {"newer": sql.Literal(NEWER), "most": sql.Literal(AGGREGATED + 1)}
    query = sql.SQL(ROWS_OF).format(**named, party=party, **part)
    rows = connection.execute(query).fetchall()
    newest, oldest = rows[0][1], rows[-1][1]
    return Asked(ids=[row[0] for row in rows[:ROW_IDS]], since=_written(oldest), until=_written(newest))


def _written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _first(connection: Connection, query: str, named: Mapping[str, sql.Identifier]) -> str:
    column = _column(connection, query, named)
    if not column:
        raise NoSuchTableError(f"Nothing is found by {query}")
    return column[0]


def _column(connection: Connection, query: str, named: Mapping[str, sql.Identifier]) -> Sequence[str]:
    return [str(row[0]) for row in connection.execute(sql.SQL(query).format(**named)).fetchall()]
