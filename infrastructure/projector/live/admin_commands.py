"""Carries out the acts of administrators, each once, in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
import structlog
from psycopg import Connection

from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.postgres.failures import summary
from infrastructure.projector.live.admin_log import OrderedAct, acts_of
from infrastructure.projector.live.projector import FAILED
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.switch_over import drop_previous
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.parking import parked_streams, skip, stream_of_parked
from infrastructure.projector.rows.target import MISFITS, Target, retry
from projections.progress import BuildPurpose
from projections.projection_acts import MAX_ACTS, ProjectionActKind

LOG = structlog.get_logger()


PURPOSES: Mapping[ProjectionActKind, BuildPurpose] = {
    ProjectionActKind.REBUILD: BuildPurpose.REBUILD,
    ProjectionActKind.VERIFY: BuildPurpose.VERIFICATION,
    ProjectionActKind.UNDO: BuildPurpose.UNDO,
}
"""Acts that request builds."""

LOCK_WAIT_MS = 500
"""How long to wait for readers of a table that is to be dropped: meanwhile no read model goes on."""

CARRIED_OUT = """
UPDATE read.checkpoint SET act_position = %s WHERE projection = %s AND version = %s AND act_position < %s
"""
STANDS_AT = """
SELECT FROM read.checkpoint WHERE projection = %s AND version = %s AND stands_at = %s AND error <> ''
"""
DONE_UNTIL = "SELECT act_position FROM read.checkpoint WHERE projection = %s AND version = %s FOR UPDATE"


def carry_out(connection: Connection, definitions: Definitions, target: Target, *, page_acts: int = MAX_ACTS) -> bool:
    """Carry out the new acts on one projection; return whether any of them requested a build.

    An act and the note that it was carried out are one transaction. An act that fails is logged and not retried: a
    later act may help. While readers hold a table that is to be dropped, acts wait for the next call. Acts are read
    `page_acts` at a time.
    """
    requested = False
    with connection.transaction():
        row = connection.execute(DONE_UNTIL, (target.projection.name, target.projection.version)).fetchone()
        done = None if row is None else row[0]
        while done is not None and (acts := acts_of(connection, target.projection, done, page_acts)):
            for ordered in acts:
                try:
                    requested = _try(connection, definitions, target, ordered) or requested
                except psycopg.errors.LockNotAvailable:
                    name = target.projection.name
                    LOG.warning("act_waits", projection=name, act=ordered.act, position=ordered.position)
                    return requested
                done = ordered.position
    return requested


def _try(connection: Connection, definitions: Definitions, target: Target, ordered: OrderedAct) -> bool:
    """Carry out an act, or record why it failed; return whether it requested a build."""
    requested, failed = False, ""
    name, version, position = target.projection.name, target.projection.version, ordered.position
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
            requested = _carry_out(connection, definitions, target, ordered)
        LOG.info("act_carried_out", projection=name, act=ordered.act, position=position)
    except psycopg.errors.LockNotAvailable:
        raise
    except (psycopg.Error, MissingEventsError, *MISFITS) as error:
        if connection.closed:
            raise
        failed = f"{ordered.act} failed: {summary(error)}"
    if failed:
        LOG.error("act_failed", projection=name, error=failed)
        # Where it stood at an event, it still does.
        connection.execute(FAILED, (failed, None, name, version))
    connection.execute(CARRIED_OUT, (position, name, version, position))
    return requested


def _carry_out(connection: Connection, definitions: Definitions, target: Target, ordered: OrderedAct) -> bool:
    """Carry out an act; return whether it requested a build."""
    act = ProjectionActKind(ordered.act)
    if purpose := PURPOSES.get(act):
        builds.ask(
            connection,
            target.projection,
            purpose,
            by_worker=True,
            act_position=ordered.position,
            asked_by=ordered.acting_id,
            why=ordered.why,
        )
        return True
    match act:
        case ProjectionActKind.CANCEL:
            builds.cancel(connection, target.projection)
        case ProjectionActKind.DROP:
            drop_previous(connection, target)
        case ProjectionActKind.RETRY:
            retry(connection, definitions, target, _streams(connection, target, ordered.event_position))
        case ProjectionActKind.SKIP:
            # An event that is not parked has its effects in the rows: they stay.
            streams = _streams(connection, target, ordered.event_position)
            if streams or _stands_at(connection, target, ordered.event_position):
                skip(connection, target.projection, ordered.event_position, ordered.position)
                retry(connection, definitions, target, streams)
        case _:  # the last act of a pause or its end holds: `paused_names`
            pass
    return False


def _stands_at(connection: Connection, target: Target, event_position: int) -> bool:
    """Return whether a read model has stopped at this event."""
    given = target.projection.name, target.projection.version, event_position
    return connection.execute(STANDS_AT, given).fetchone() is not None


def _streams(connection: Connection, target: Target, event_position: int) -> Sequence[str]:
    """Return the parked streams, or that of one parked event."""
    if not event_position:
        return sorted(parked_streams(connection, target.table))
    stream = stream_of_parked(connection, target.table, event_position)
    return [] if stream is None else [stream]
