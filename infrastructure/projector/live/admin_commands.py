"""Carries out what administrators ordered, each act once, in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.event_log.log_reader import POSITION, LogReader
from infrastructure.postgres.failures import summary
from infrastructure.projector.live.admin_log import acts_of
from infrastructure.projector.live.projector import FAILED
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.switch_over import drop_previous
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.parking import parked_streams, skip, stream_of_parked
from infrastructure.projector.rows.target import MISFITS, Target, retry
from projections.progress import BuildPurpose
from projections.projection_acts import ProjectionActKind

LOG = structlog.get_logger()


PURPOSES: Mapping[ProjectionActKind, BuildPurpose] = {
    ProjectionActKind.REBUILD: BuildPurpose.REBUILD,
    ProjectionActKind.VERIFY: BuildPurpose.VERIFICATION,
    ProjectionActKind.UNDO: BuildPurpose.UNDO,
}
"""Acts that ask for rows to be made beside those in use."""

LOCK_WAIT_MS = 500
"""How long to wait for those who read a table that is to be dropped: meanwhile no read model goes on."""

CARRIED_OUT = """
UPDATE read.checkpoint SET act_position = %s WHERE projection = %s AND version = %s AND act_position < %s
"""
FAILED_AFTER = """
SELECT position FROM read.checkpoint WHERE projection = %s AND version = %s AND position < %s AND error <> ''
"""
DONE_UNTIL = "SELECT act_position FROM read.checkpoint WHERE projection = %s AND version = %s FOR UPDATE"


def carry_out(connection: Connection, definitions: Definitions, target: Target) -> bool:
    """Carry out the acts on one projection that are new; return whether there is something to make.

    An act and the note that it was carried out are one transaction. One that fails is told and over: those that come
    after it may be what helps. While somebody reads a table that is to be dropped, acts wait for the next look.
    """
    to_make = False
    with connection.transaction():
        row = connection.execute(DONE_UNTIL, (target.projection.name, target.projection.version)).fetchone()
        done = None if row is None else row[0]
        while done is not None and (acts := acts_of(connection, target.projection, done)):
            for ordered in acts:
                try:
                    to_make = _try(connection, definitions, target, ordered) or to_make
                except psycopg.errors.LockNotAvailable:
                    LOG.warning("act_waits", projection=target.projection.name, act=ordered[1], position=ordered[0])
                    return to_make
                done = ordered[0]
    return to_make


def _try(connection: Connection, definitions: Definitions, target: Target, ordered: Sequence[Any]) -> bool:
    """Carry out an act, or tell why it failed; return whether there is something to make."""
    to_make = False
    name, version, position, act = target.projection.name, target.projection.version, ordered[0], ordered[1]
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            to_make = _carry_out(connection, definitions, target, ordered)
        LOG.info("act_carried_out", projection=name, act=act, position=position)
    except psycopg.errors.LockNotAvailable:
        raise
    except (psycopg.Error, MissingEventsError, *MISFITS) as error:
        if connection.closed:
            raise
        _tell(connection, target, f"{act} failed: {summary(error)}")
    connection.execute(CARRIED_OUT, (position, name, version, position))
    return to_make


def _carry_out(connection: Connection, definitions: Definitions, target: Target, ordered: Sequence[Any]) -> bool:
    """Carry out an act; return whether it asks for rows to be made."""
    act_position, name, event_position, why, acting_id = ordered
    act = ProjectionActKind(name)
    if purpose := PURPOSES.get(act):
        about = {"act_position": act_position, "asked_by": acting_id, "why": why}
        builds.ask(connection, target.projection, purpose, by_worker=True, **about)
        return True
    match act:
        case ProjectionActKind.CANCEL:
            builds.cancel(connection, target.projection)
        case ProjectionActKind.DROP:
            drop_previous(connection, target)
        case ProjectionActKind.RETRY:
            retry(connection, definitions, target, _streams(connection, target, event_position))
        case ProjectionActKind.SKIP:
            # An event that is not parked has its effects in the rows: they stay.
            if streams := _streams(connection, target, event_position):
                skip(connection, target.projection, event_position, act_position)
                retry(connection, definitions, target, streams)
            elif _stands_at(connection, definitions, target, event_position):
                skip(connection, target.projection, event_position, act_position)
                target.refresh(connection)
        case _:  # a pause or its end holds as long as it is the last word
            pass
    return False


def _stands_at(connection: Connection, definitions: Definitions, target: Target, event_position: int) -> bool:
    """Return whether a read model cannot go on and the event is the next that it would take."""
    name, version = target.projection.name, target.projection.version
    row = connection.execute(FAILED_AFTER, (name, version, event_position)).fetchone()
    if row is None:
        return False
    names = definitions.names(target.projection)
    found = LogReader(definitions.codec).rows(connection, after=row[0], until=event_position, names=names)
    return next((row[POSITION] for row in found), 0) == event_position


def _tell(connection: Connection, target: Target, failed: str) -> None:
    LOG.error("act_failed", projection=target.projection.name, error=failed)
    connection.execute(FAILED, (failed, target.projection.name, target.projection.version))


def _streams(connection: Connection, target: Target, event_position: int) -> Sequence[str]:
    """Return the parked streams, or that of one parked event."""
    if not event_position:
        return sorted(parked_streams(connection, target.table))
    stream = stream_of_parked(connection, target.table, event_position)
    return [] if stream is None else [stream]
