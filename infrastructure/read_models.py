"""The read models as the doors see them: an engine to query, how far they are, and snapshots of one position."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import BigInteger, DateTime, Integer, Text, column, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from projections.effects import SCHEMA, Projection
from projections.figures.reading import Reading
from projections.progress import Progress, ProjectionProgress

POOL_SIZE = 8
POOL_OVERFLOW = 8
POOL_WAIT_S = 5
MAX_WAIT_S = 2.0
"""How long a query waits at most for the read models to contain the caller's own write."""

POLL_S = 0.01

CHECKPOINT = table(
    "checkpoint",
    column("projection", Text),
    column("version", Integer),
    column("position", BigInteger),
    column("applied_at", DateTime(timezone=True)),
    schema=SCHEMA,
)

# The oldest event that a read model lacks is the first one after its checkpoint: one look-up by position for each.
PROGRESS = text(
    """
    SELECT head.position AS head, checkpoint.projection, checkpoint.version, checkpoint.position, applied_at,
           coalesce(extract(epoch FROM clock_timestamp() - CASE
               WHEN checkpoint.position < head.position THEN log.recorded_after(checkpoint.position)
           END), 0)::float8 AS lag_s
    FROM (SELECT log.head() AS position) AS head
    LEFT JOIN read.checkpoint ON true
    """
)


class ReadModels:
    """Queries over the read models of this release. Close it when done; it belongs to one event loop."""

    def __init__(self, url: str, projections: Sequence[Projection]) -> None:
        self._versions = {projection.name: projection.version for projection in projections}
        self.engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
        )
        # One statement needs no transaction around it.
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self.engine.dispose()

    async def position(self, wanted: int = 0) -> int:
        """Wait, bounded, until all read models contain `wanted`; return the position that they all have reached."""
        deadline = time.monotonic() + MAX_WAIT_S
        while True:
            async with self._single.connect() as connection:
                reached = await self._position(connection)
            if reached >= wanted or time.monotonic() > deadline:
                return reached
            await asyncio.sleep(POLL_S)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reading]:
        """Open a transaction in which everything read belongs to the same position."""
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield Reading(connection, await self._position(connection))

    async def progress(self) -> Progress:
        async with self._single.connect() as connection:
            rows = (await connection.execute(PROGRESS)).all()
        return Progress(
            head=rows[0].head,
            projections=[
                ProjectionProgress(
                    name=row.projection,
                    version=row.version,
                    position=row.position,
                    lag_events=max(row.head - row.position, 0),
                    lag_s=row.lag_s,
                    applied_at=row.applied_at,
                )
                for row in sorted(rows, key=lambda row: str(row.projection))
                # Before a worker has begun there is no checkpoint, and the one row names no projection.
                if row.projection is not None and self._versions.get(row.projection) == row.version
            ],
        )

    async def _position(self, connection: AsyncConnection) -> int:
        rows = await connection.execute(select(CHECKPOINT.c.projection, CHECKPOINT.c.version, CHECKPOINT.c.position))
        reached = {row.projection: row.position for row in rows if self._versions.get(row.projection) == row.version}
        return min((reached.get(name, 0) for name in self._versions), default=0)
