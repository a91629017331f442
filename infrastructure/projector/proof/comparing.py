"""The proof: rows that were built again and the rows in use, digested at one position."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from psycopg import Connection

from infrastructure.projector.proof.difference import MadeBy, Side, events_of, first_difference, sentence
from infrastructure.projector.proof.digest import digest
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The result of a comparison. `equal` is None where there was nothing to compare with."""

    rows: int
    sha256: str
    equal: bool | None
    finding: str


def prove(
    connection: Connection, definitions: Definitions, target: Target, position: int, in_use: Connection | None
) -> Proof:
    """Digest the rows of a target, and compare them with the rows in use at that position.

    `in_use` is a connection whose snapshot sees the rows in use; without one nothing is compared.
    """
    anew = Side(connection=connection, table=target.table, digest=digest(connection, target.table))
    made = partial(Proof, rows=anew.digest.rows, sha256=anew.digest.sha256)
    if in_use is None:
        return made(equal=None, finding="made")
    table = target.table.beside("")
    difference = first_difference(Side(connection=in_use, table=table, digest=digest(in_use, table)), anew)
    if difference is None:
        return made(equal=True, finding="equal")
    by = events_of(connection, definitions, target.projection, difference.key, position, skipped=target.skipped)
    return made(equal=False, finding=f"not equal: {sentence(difference)}, {_made_by(by)}")


def _made_by(by: MadeBy) -> str:
    """Name the events by their positions."""
    if not by.events:
        return "which no event made"
    positions = ", ".join(f"{event.position}" for event in by.events)
    return f"made by the event{'s' if len(by.events) > 1 else ''} at {positions}{' and more' if by.more else ''}"
