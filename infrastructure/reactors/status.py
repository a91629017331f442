"""The reactors as operators see them: who leads, how far each is, and the events that wait."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from application.reactor_status import ReactorPause, ReactorProgress, WaitingEvent

MAX_SHOWN = 100

RATE_AGE_S = 10
"""After this many seconds without a save, nothing was reacted to."""

PROGRESS = text("""
SELECT progress.name, coalesce(leader.process, '') AS leader, progress.position,
       greatest(head - progress.position, 0) AS lag_events,
       CASE WHEN head > progress.position
            THEN coalesce(extract(epoch FROM clock_timestamp() - log.recorded_after(progress.position)), 0)::float8
            ELSE 0.0::float8 END AS lag_s,
       CASE WHEN saved_at > clock_timestamp() - make_interval(secs => :rate_age_s)
            THEN events_per_s::float8 ELSE 0.0::float8 END AS events_per_s,
       reacted, waiting.keys AS waiting_keys, parked_keys, waiting.oldest_s, events.waiting_events,
       error, failed_at, paused_at, paused_by, paused_why
FROM reactor.progress AS progress
CROSS JOIN (SELECT log.head() AS head) AS log_head
LEFT JOIN leadership.leading AS leader ON leader.name = 'reactor:' || progress.name
CROSS JOIN LATERAL (
    SELECT count(*) AS keys, count(parked_at) AS parked_keys,
           coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float8 AS oldest_s
    FROM reactor.waiting_key WHERE reactor = progress.name
) AS waiting
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting_events FROM reactor.waiting_event WHERE reactor = progress.name
) AS events
ORDER BY progress.name
""").bindparams(rate_age_s=RATE_AGE_S)
WAITS = text("""
SELECT EXISTS (SELECT FROM reactor.progress WHERE name = :reactor) AS known,
       EXISTS (
           SELECT FROM reactor.waiting_event WHERE reactor = :reactor AND :position IN (0, position)
       ) AS waiting
""")
WAITING = text("""
SELECT waiting.reactor, waiting.key, first.position, first.name, events.number AS events, tries, error, since, again_at,
       parked_at
FROM reactor.waiting_key AS waiting
CROSS JOIN LATERAL (
    SELECT position, name FROM reactor.waiting_event AS event
    WHERE event.reactor = waiting.reactor AND event.key = waiting.key ORDER BY position LIMIT 1
) AS first
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM reactor.waiting_event AS event
    WHERE event.reactor = waiting.reactor AND event.key = waiting.key
) AS events
WHERE :reactor IN ('', waiting.reactor) AND (first.position > :after OR :after = 0)
ORDER BY first.position, waiting.reactor LIMIT :limit
""")


async def reactors_progress(reads: AsyncEngine) -> Sequence[ReactorProgress]:
    """Return the status of every reactor that ever ran on this log, by name."""
    async with reads.connect() as connection:
        rows = (await connection.execute(PROGRESS)).mappings().all()
    return [_progress(row) for row in rows]


def _progress(row: RowMapping) -> ReactorProgress:
    given = dict(row)
    by, at, why = given.pop("paused_by"), given.pop("paused_at"), given.pop("paused_why")
    return ReactorProgress(**given, pause=None if at is None else ReactorPause(by=by, at=at, why=why))


async def waiting_events(
    reads: AsyncEngine, reactor: str = "", after: int = 0, limit: int = MAX_SHOWN
) -> Sequence[WaitingEvent]:
    """Return the first waiting event of each key, of one reactor or of all, in the order of the log."""
    given = {"reactor": reactor, "after": after, "limit": limit}
    async with reads.connect() as connection:
        rows = (await connection.execute(WAITING, given)).mappings().all()
    return [WaitingEvent(**row) for row in rows]


async def waits(reads: AsyncEngine, reactor: str, position: int) -> tuple[bool, bool]:
    """Return whether there is such a reactor, and whether the event at this position waits for it, or any for 0."""
    async with reads.connect() as connection:
        row = (await connection.execute(WAITS, {"reactor": reactor, "position": position})).one()
    return row.known, row.waiting
