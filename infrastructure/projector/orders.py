"""Carries out what administrators ordered, each act once, in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import structlog

from infrastructure.projector import builds
from infrastructure.projector.acts import acts_of
from infrastructure.projector.definitions import Definitions
from infrastructure.projector.parking import parked_streams, retry, skip, stream_of_parked
from infrastructure.projector.takeover import drop_previous
from infrastructure.projector.target import Target
from projections.progress import BuildPurpose
from projections.projection_acts import Act

LOG = structlog.get_logger()

Connection = psycopg.Connection[Any]

PURPOSES: Mapping[Act, BuildPurpose] = {
    Act.REBUILD: BuildPurpose.REBUILD,
    Act.VERIFY: BuildPurpose.VERIFICATION,
    Act.UNDO: BuildPurpose.UNDO,
}
"""Acts that ask for rows to be made beside those in use."""

CARRIED_OUT = """
UPDATE read.checkpoint SET act_position = %s WHERE projection = %s AND version = %s AND act_position < %s
"""
DONE_UNTIL = "SELECT act_position FROM read.checkpoint WHERE projection = %s AND version = %s FOR UPDATE"


def carry_out(connection: Connection, definitions: Definitions, target: Target) -> bool:
    """Carry out the acts on one projection that are new; return whether there is something to make.

    An act and the note that it was carried out are one transaction.
    """
    to_make = False
    name, version = target.projection.name, target.projection.version
    with connection.transaction():
        row = connection.execute(DONE_UNTIL, (name, version)).fetchone()
        acts = [] if row is None else acts_of(connection, target.projection, row[0])
        for position, act, event_position, why, acting_id in acts:
            LOG.info("act_carried_out", projection=name, act=act, position=position)
            if purpose := PURPOSES.get(Act(act)):
                builds.ask(
                    connection,
                    target.projection,
                    purpose,
                    by_worker=True,
                    act_position=position,
                    asked_by=acting_id,
                    why=why,
                )
                to_make = True
            else:
                _carry_out(connection, definitions, target, Act(act), (position, event_position))
            connection.execute(CARRIED_OUT, (position, name, version, position))
    return to_make


def _carry_out(
    connection: Connection, definitions: Definitions, target: Target, act: Act, positions: tuple[int, int]
) -> None:
    """Carry out an act, given its own position and that of the event that it is about, if any."""
    act_position, event_position = positions
    match act:
        case Act.CANCEL:
            builds.cancel(connection, target.projection)
        case Act.DROP:
            drop_previous(connection, target)
        case Act.RETRY:
            _retry(connection, definitions, target, _streams(connection, target, event_position))
        case Act.SKIP:
            # An event that is not parked has its effects in the rows: they stay.
            if streams := _streams(connection, target, event_position):
                skip(connection, target.projection, event_position, act_position)
                _retry(connection, definitions, target, streams)
        case _:  # a pause or its end holds as long as it is the last word
            pass


def _streams(connection: Connection, target: Target, event_position: int) -> Sequence[str]:
    """Return the parked streams, or that of one parked event."""
    if not event_position:
        return sorted(parked_streams(connection, target.table))
    stream = stream_of_parked(connection, target.table, event_position)
    return [] if stream is None else [stream]


def _retry(connection: Connection, definitions: Definitions, target: Target, streams: Sequence[str]) -> None:
    retry(connection, definitions, target.projection, target.table, streams)
    target.refresh(connection)
