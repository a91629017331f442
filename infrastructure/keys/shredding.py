"""Shredding: no bytes of destroyed keys are left in the files of their server.

The parts of the table in which the keys lay are written into other tables; the journal (pg_wal) is overwritten. What
has left the server, as an archived journal, a standby or a backup, is out of reach: retiring the key-encryption key
makes it unreadable (docs/administrator.md).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import structlog
from psycopg import AsyncConnection

from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.key_statements import columns_of
from infrastructure.postgres.failures import ValueFreeError

LOG = structlog.get_logger()

FILLER_BYTES = 1 << 20
CHECKPOINT_EVERY_FILES = 4
"""The server reserves files of the journal for as much as was written between two checkpoints; while they are few, the
next shredding has few to overwrite."""

MAX_FILES = 4_096
"""How many files of the journal are overwritten at most: the largest `max_wal_size` is a few of these."""

_LOCK = int.from_bytes(b"kronshrd", "big")
"""The advisory lock that lets one process at a time write parts: they share the spare tables."""

_PARTS = """
SELECT DISTINCT keys.part_of(key_id)::text FROM unnest(%s::text[], %s::text[]) AS wanted (subject_id, purpose_group)
JOIN keys.key USING (subject_id, purpose_group) WHERE shredded_at IS NULL
"""
_ALIVE = """
SELECT count(*) FROM unnest(%s::text[], %s::text[]) AS wanted (subject_id, purpose_group)
LEFT JOIN keys.key USING (subject_id, purpose_group) WHERE destroyed_at IS NULL
"""
_SHREDDED = """
UPDATE keys.key SET shredded_at = clock_timestamp()
FROM unnest(%s::text[], %s::text[]) AS wanted (subject_id, purpose_group)
WHERE key.subject_id = wanted.subject_id AND key.purpose_group = wanted.purpose_group AND shredded_at IS NULL
"""
_RIGHTS = """
SELECT current_user, pg_has_role('pg_checkpoint', 'USAGE')
   AND has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE')
   AND pg_has_role(datdba, 'USAGE')
FROM pg_database WHERE datname = current_database()
"""
# A segment has 24 hexadecimal digits; `.partial` may follow. Names grow with the position.
_FILES = "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}(\\.partial)?$'"
_CURRENT_FILE = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_FILL = f"{_CURRENT_FILE} FROM pg_logical_emit_message(false, 'kroniek', repeat(' ', {FILLER_BYTES}))"
_LEAVING = "SELECT current_setting('archive_mode') <> 'off', count(*) FROM pg_stat_replication"


class ShreddingRefusedError(ValueFreeError):
    """The server does not let the keys be shredded; the message says what to do."""


async def destroyed_only(connection: AsyncConnection, owners: Collection[KeyOwner]) -> None:
    """Refuse owners with a key that is alive."""
    alive = await (await connection.execute(_ALIVE, columns_of(owners))).fetchone()
    assert alive == (0,), "only destroyed keys are shredded"


async def shred(connection: AsyncConnection, owners: Collection[KeyOwner]) -> None:
    """Shred the destroyed keys of these owners that are not shredded yet, and record it in the database of the keys.

    Raises ShreddingRefusedError where the role has not the rights, or the server holds old files of its journal.
    """
    async with one_at_a_time(connection):
        columns = columns_of(owners)
        parts = await (await connection.execute(_PARTS, columns)).fetchall()
        if not parts:
            return
        await check_rights(connection)
        for (part,) in parts:
            await write_part(connection, "keys.secret", part)
        # A deleted row of the planner's statistics stays in their file, which nothing else overwrites.
        await connection.execute("VACUUM (FULL) pg_catalog.pg_statistic")
        await overwrite_journal(connection)
        await connection.execute(_SHREDDED, columns)


async def rights_missing(connection: AsyncConnection) -> str:
    """Return the role of this session where it may not do what shredding takes, else an empty text."""
    row = await (await connection.execute(_RIGHTS)).fetchone()
    assert row is not None
    role, suffices = row
    return "" if suffices else str(role)


async def check_rights(connection: AsyncConnection) -> None:
    """Raise ShreddingRefusedError unless this session may do what shredding takes."""
    if role := await rights_missing(connection):
        raise ShreddingRefusedError(
            "the role of the keys may not shred them: make it the owner of its database, and there, as a superuser, "
            f"run `GRANT pg_checkpoint TO {role}; GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO {role}`"
        )


async def leaves_server(connection: AsyncConnection) -> str:
    """Say where the journal of this server goes, which shredding does not reach; empty where it goes nowhere."""
    ((is_archived, standbys),) = await (await connection.execute(_LEAVING)).fetchall()
    places = [*(["an archive"] if is_archived else []), *([f"{standbys} standbys or backups"] if standbys else [])]
    return " and ".join(places)


async def write_part(connection: AsyncConnection, parent: str, part: str) -> None:
    """Write the live rows of a part into a new table and put that in its place. In autocommit mode."""
    await connection.execute("SELECT keys.make_spare(%s::regclass)", (parent,))
    await connection.execute("SELECT keys.write_part(%s::regclass)", (part,))


async def overwrite_journal(connection: AsyncConnection) -> None:
    """Return when no file of the journal holds anything that was written before the call.

    A checkpoint lets the server remove the files that it needs no more. It keeps some of them under the names of files
    to come, with what they hold: writing goes on until it has passed those too. Safe to repeat.
    """
    begun_at = time.monotonic()
    last = await _current_file(connection)
    await _write_past(connection, last)
    await connection.execute("CHECKPOINT")
    files = await _files(connection)
    await _write_past(connection, max(files))
    if held := [file for file in await _files(connection) if file[: len(last)] <= last]:
        raise ShreddingRefusedError(
            f"the server holds {len(held)} old files of its journal: see that its archive and its standbys follow, "
            "drop replication slots that nobody uses, and set wal_keep_size to 0"
        )
    LOG.info("journal_overwritten", files=len(files), seconds=round(time.monotonic() - begun_at, 3))


async def _write_past(connection: AsyncConnection, file: str) -> None:
    """Write filler until the journal goes on in a later file than this one."""
    current, passed = await _current_file(connection), 0
    while current <= file:
        before, current = current, await _current_file(connection, _FILL)
        if before != current:
            passed += 1
            if passed > MAX_FILES:
                raise ShreddingRefusedError(f"the journal has more than {MAX_FILES} files to overwrite")
            if passed % CHECKPOINT_EVERY_FILES == 0:
                await connection.execute("CHECKPOINT")


async def _current_file(connection: AsyncConnection, statement: str = _CURRENT_FILE) -> str:
    ((name,),) = await (await connection.execute(statement.encode())).fetchall()
    return str(name)


async def _files(connection: AsyncConnection) -> Sequence[str]:
    return [name for (name,) in await (await connection.execute(_FILES)).fetchall()]


@asynccontextmanager
async def one_at_a_time(connection: AsyncConnection) -> AsyncIterator[None]:
    await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
