"""Rows of read models as a role of the database sees them, for a viewer or for nobody; and rows made at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Column, Table

from infrastructure.read_models.viewers import SET, settings_of
from projections.read_model import SCHEMA
from projections.row_security import Viewer

Connection = psycopg.Connection[Any]
Keys = set[tuple[Any, ...]]

ORGANISATIONS = ("org-a", "org-b", "org-c", "")
PARTIES = (*(f"person-{number}" for number in range(40)), "org-a", "org-b", "enterprise-1", "enterprise-2")
POOLS: Mapping[str, tuple[Any, ...]] = {
    "person_id": PARTIES,
    "mailbox_id": PARTIES,
    "subject_id": PARTIES,
    "status": ("granted", "withdrawn"),
    "owner_kind": ("enterprise", "person"),
    "service_id": ("service-1", "service-2", "service-3", "service-4"),
    "invoice_id": tuple(f"invoice-{number}" for number in range(30)),
    "message_id": tuple(f"message-{number}" for number in range(30)),
    "enterprise_number": ("", "1", "2", "3"),
    "supplier_number": ("", "1", "2", "3"),
    "provider_ids": ([], [], ["org-a"], ["org-b"], ["org-c", "org-a"]),
    "mandator_id": (*PARTIES[:5], *ORGANISATIONS),
    "organisation_ids": ([], ["org-a"], ["org-b", "org-c"], ["org-c", "org-a"], ["xorg-a"], ["org-ax"]),
}
AT = datetime(2022, 3, 1, 9, 30, tzinfo=UTC)


def tell(connection: Connection, viewer: Viewer) -> None:
    """Set for whom the present transaction reads."""
    connection.execute(SET, settings_of(viewer))


def keys_seen(connection: Connection, table: Table, viewer: Viewer | None) -> Keys:
    """Return the keys of the rows that a session sees in a transaction of its own."""
    keys = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.primary_key)
    query = sql.SQL("SELECT {} FROM {}").format(keys, sql.Identifier(SCHEMA, table.name))
    with connection.transaction():
        if viewer is not None:
            tell(connection, viewer)
        return set(connection.execute(query).fetchall())


def fill(connection: Connection, table: Table, random: Random, rows: int) -> Sequence[Mapping[str, Any]]:
    """Write rows at random, in which the same few organisations and persons are parties in every way; return them."""
    names = [column.name for column in table.columns]
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.Identifier(SCHEMA, table.name),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join([sql.Placeholder()] * len(names)),
    )
    written = {}
    for number in range(rows):
        row = as_events_fill({column.name: _value(column, random, number) for column in table.columns})
        if connection.execute(insert, [row[name] for name in names]).rowcount:
            written[tuple(row[column.name] for column in table.primary_key)] = row
    return list(written.values())


def as_events_fill(row: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the columns that tell who sees a row as the events do, from the others."""
    filled = dict(row)
    of_enterprise = row.get("owner_kind") == "enterprise"
    if "enterprise_id" in row:
        digital = of_enterprise and bool(row["provider_ids"])
        filled["enterprise_id"] = row["mailbox_id"] if digital else ""
        filled["provider_ids"] = row["provider_ids"][:1] if of_enterprise else row["provider_ids"]
        filled["enterprise_provider_id"] = row["provider_ids"][0] if digital else ""
    elif "enterprise_provider_id" in row:
        filled["enterprise_provider_id"] = row["provider_id"] if of_enterprise else ""
    if "represented_id" in row:
        filled["represented_id"] = "" if row["organisation_ids"] else row["mandator_id"]
    return filled


def _value(column: Column[Any], random: Random, number: int) -> Any:
    if column.nullable and random.random() < 0.5:
        return None
    kinds: Mapping[type, Any] = {int: number, bool: random.random() < 0.5, datetime: AT, date: AT.date()}
    if column.type.python_type in kinds:
        return kinds[column.type.python_type]
    if column.name in POOLS:
        return random.choice(POOLS[column.name])
    if column.type.python_type is list:
        return []
    single = column.primary_key and len(column.table.primary_key) == 1
    return f"{column.name}-{number}" if single and column.name != "organisation_id" else random.choice(ORGANISATIONS)
