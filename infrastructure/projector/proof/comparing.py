"""The proof: rows that were made anew and the rows in use, digested at one position."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection

from infrastructure.projector.proof.difference import MadeBy, Side, events_of, first_difference, sentence
from infrastructure.projector.proof.digest import digest
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a comparison found. `equal` is None where there was nothing to compare with, and `finding` says why."""

    rows: int
    sha256: str
    equal: bool | None
    finding: str


def prove(
    connection: Connection, definitions: Definitions, target: Target, position: int, in_use: Connection | None
) -> Proof:
    """Digest the rows of a target, and those in use as the other connection, a snapshot, sees them at that position."""
    if in_use is None:
        made = digest(connection, target.table)
        return Proof(rows=made.rows, sha256=made.sha256, equal=None, finding="made")
    table = target.table.beside("")
    used = Side(connection=in_use, table=table, digest=digest(in_use, table))
    anew = Side(connection=connection, table=target.table, digest=digest(connection, target.table))
    difference = first_difference(used, anew)
    if difference is None:
        return Proof(rows=anew.digest.rows, sha256=anew.digest.sha256, equal=True, finding="equal")
    by = events_of(connection, definitions, target.projection, difference.key, position, skipped=target.skipped)
    return Proof(
        rows=anew.digest.rows,
        sha256=anew.digest.sha256,
        equal=False,
        finding=f"not equal: {sentence(difference)}, {_made_by(by)}",
    )


def _made_by(by: MadeBy) -> str:
    """Name the events by their positions."""
    if not by.events:
        return "which no event made"
    positions = ", ".join(f"{event.position}" for event in by.events)
    return f"made by the event{'s' if len(by.events) > 1 else ''} at {positions}{' and more' if by.more else ''}"
