"""When a key has not been used for as long as its means may be."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import text

from domain.identity.values import DIGID_UNUSED_YEARS
from infrastructure.read_models.reading import ReadModels, again_if_lost
from projections.deadlines import pending
from projections.deadlines.identity import KEY_DISUSE
from projections.key_uses import READ_MODEL as KEY_USES
from projections.read_model import SCHEMA
from projections.row_security import SYSTEM, VIEWER, Viewer
from projections.words import end_of_day, years_after

# A use that was recorded before the key would end unused, and is not in the rows yet, would be missed.
LAST_USE = text(
    """
SELECT due_at, (SELECT max(month) FROM key_uses WHERE key_id = :key_id) AS month
FROM pending_rows
WHERE kind = :kind AND key = :key_id AND part = '' AND coalesce(log.recorded_after(:position) > due_at, true)
""".replace("pending_rows", f"{SCHEMA}.{pending.READ_MODEL.table.name}").replace(
        "FROM key_uses", f"FROM {SCHEMA}.{KEY_USES.table.name}"
    )
)


async def unused_until(reads: ReadModels, key_id: str) -> datetime | None:
    """Return when a key has not been used for long enough, whether that is over or not.

    Its uses are known by the month: it counts from the end of the last one. None where the key does not end unused, or
    where events of before that instant are not in the rows yet.
    """
    position = (await reads.places())[KEY_USES.table.name].position
    given = {"key_id": key_id, "kind": KEY_DISUSE, "position": position}

    async def read() -> tuple[datetime, str | None] | None:
        async with reads.engine.connect() as connection:
            options = {VIEWER: Viewer(role=SYSTEM)}
            row = (await connection.execute(LAST_USE, given, execution_options=options)).one_or_none()
            return None if row is None else (row.due_at, row.month)

    found = await again_if_lost(read)
    if found is None:
        return None
    due_at, month = found
    return due_at if month is None else max(due_at, years_after(_end_of_month(month), DIGID_UNUSED_YEARS))


def _end_of_month(month: str) -> datetime:
    """Return the instant at which a month, as `2021-11`, ends in civil time."""
    year, number = map(int, month.split("-"))
    following = date(year + number // 12, number % 12 + 1, 1)
    return end_of_day(following - timedelta(days=1))
