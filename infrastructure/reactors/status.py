"""The reactor as operators see it: whether a process leads, and the deferred events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from application.reactor_status import DeferredReaction, ReactorProgress
from infrastructure.reactors.reactor_store import LOCK_KEY

MAX_SHOWN = 100

# An advisory lock of one bigint shows its halves.
PROGRESS = text("""
SELECT held.position, held.error, held.failed_at,
       EXISTS (
           SELECT FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 1
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND (classid::bigint << 32 | objid::bigint) = :lock
       ) AS led,
       (SELECT count(*) FROM keeper.waiting) AS duties,
       (SELECT count(DISTINCT person_id) FROM keeper.waiting) AS people,
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float8 FROM keeper.waiting) AS oldest_s
FROM keeper.progress AS held
""").bindparams(lock=LOCK_KEY)
WAITING = text("""
SELECT position, person_id, name, tries, error, since, again_at FROM keeper.waiting ORDER BY position LIMIT :max_shown
""").bindparams(max_shown=MAX_SHOWN)


async def reactor_progress(reads: AsyncEngine) -> ReactorProgress:
    async with reads.connect() as connection:
        return ReactorProgress(**(await connection.execute(PROGRESS)).mappings().one())


async def deferred_reactions(reads: AsyncEngine) -> Sequence[DeferredReaction]:
    """Return the first deferred events, in the order of the log."""
    async with reads.connect() as connection:
        rows = (await connection.execute(WAITING)).mappings().all()
    return [DeferredReaction(**row) for row in rows]
