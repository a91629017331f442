"""Reads due deadlines in turns: of each kind and organisation as many, those first that are due longest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from application.clock_status import LateDeadlines
from infrastructure.read_models.reading import NOT_IN_USE, again_if_lost
from projections.deadlines.pending import READ_MODEL
from projections.read_model import SCHEMA
from projections.row_security import SYSTEM, VIEWER, Viewer

T = TypeVar("T")

MAX_TURNS = 10_000
"""The most pairs of a kind and an organisation whose deadlines are read at once."""


def _of_table(statement: str) -> TextClause:
    """Return a statement on the rows of this release."""
    return text(statement.replace("pending_rows", f"{SCHEMA}.{READ_MODEL.table.name}"))


NEXT = _of_table("SELECT due_at FROM pending_rows ORDER BY due_at, kind, key, part LIMIT 1")
LATE = _of_table("""
SELECT count(*) AS late, min(due_at) AS oldest_due_at
FROM (SELECT due_at FROM pending_rows WHERE due_at < :before ORDER BY due_at LIMIT :most) AS d
""")
# The pairs are found one after the other in the index, whatever number of rows each has. A pair goes on after the
# place to which it was read before.
DUE = _of_table("""
WITH RECURSIVE turn AS (
    (SELECT kind, organisation_id FROM pending_rows ORDER BY kind, organisation_id LIMIT 1)
    UNION ALL
    SELECT following.kind, following.organisation_id
    FROM turn, LATERAL (
        SELECT kind, organisation_id FROM pending_rows
        WHERE (kind, organisation_id) > (turn.kind, turn.organisation_id) ORDER BY kind, organisation_id LIMIT 1
    ) AS following
)
SELECT due.kind, due.key, due.part, due.due_at, due.command, due.organisation_id
FROM (SELECT * FROM turn LIMIT :max_turns) AS turn
LEFT JOIN unnest(
    CAST(:kinds AS text[]), CAST(:organisations AS text[]), CAST(:instants AS timestamptz[]), CAST(:keys AS text[]),
    CAST(:parts AS text[])
) AS after (kind, organisation_id, due_at, key, part)
    ON after.kind = turn.kind AND after.organisation_id = turn.organisation_id
CROSS JOIN LATERAL (
    SELECT d.kind, d.key, d.part, d.due_at, d.command, d.organisation_id,
           row_number() OVER (ORDER BY d.due_at, d.key, d.part) AS place
    FROM (
        SELECT * FROM pending_rows AS pending
        WHERE pending.kind = turn.kind AND pending.organisation_id = turn.organisation_id AND pending.due_at <= :now
          AND (pending.due_at, pending.key, pending.part)
              > (coalesce(after.due_at, '-infinity'), coalesce(after.key, ''), coalesce(after.part, ''))
        ORDER BY pending.due_at, pending.key, pending.part LIMIT :share
    ) AS d
) AS due
ORDER BY due.place, due.due_at, due.kind, due.key, due.part LIMIT :most
""")

_SYSTEM = {VIEWER: Viewer(role=SYSTEM)}


class DueDeadline(NamedTuple):
    """A deadline that is due, as its row has it."""

    kind: str
    key: str
    part: str
    due_at: datetime
    command: str
    organisation_id: str

    @property
    def idempotency_key(self) -> str:
        """Of its own among all commands of the platform: the same deadline is carried out once."""
        return f"deadline:{self.kind}:{self.key}:{self.part}:{self.due_at.isoformat()}"


Turn: TypeAlias = tuple[str, str]
Places: TypeAlias = Mapping[Turn, DueDeadline]
"""The last deadline that was read of each kind and organisation."""


async def next_due_at(engine: AsyncEngine) -> datetime | None:
    """Return when the first pending deadline falls due, None without any."""
    found = await _if_made(lambda: _one(engine, NEXT, {}))
    return None if found is None else found.due_at


async def read_due(
    engine: AsyncEngine, now: datetime, after: Places, *, share: int, most: int
) -> Sequence[DueDeadline]:
    """Return at most `most` due deadlines, and at most `share` of one kind and organisation."""
    values = {
        "kinds": [kind for kind, _ in after],
        "organisations": [organisation for _, organisation in after],
        "instants": [place.due_at for place in after.values()],
        "keys": [place.key for place in after.values()],
        "parts": [place.part for place in after.values()],
        "now": now,
        "share": share,
        "most": most,
        "max_turns": MAX_TURNS,
    }
    async with engine.connect() as connection:
        rows = await connection.execute(DUE, values, execution_options=_SYSTEM)
        return [DueDeadline(*row) for row in rows]


async def late_deadlines(engine: AsyncEngine, before: datetime, *, most: int) -> LateDeadlines:
    """Return how many deadlines were due before an instant and are pending, counted up to `most`."""
    found = await _if_made(lambda: _one(engine, LATE, {"before": before, "most": most}))
    if found is None:
        return LateDeadlines(late=0, oldest_due_at=None)
    return LateDeadlines(late=found.late, oldest_due_at=found.oldest_due_at)


async def _one(
    engine: AsyncEngine, statement: TextClause, values: Mapping[str, object]
) -> Row[*tuple[object, ...]] | None:
    async with engine.connect() as connection:
        return (await connection.execute(statement, values, execution_options=_SYSTEM)).one_or_none()


async def _if_made(read: Callable[[], Awaitable[T]]) -> T | None:
    """Read something; None where no worker has made the read model yet, or it is not in use."""
    try:
        return await again_if_lost(read)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
            raise
        return None
