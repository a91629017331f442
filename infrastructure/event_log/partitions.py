"""The partitions of the log: lists them, and detaches old ones from the log's table or attaches them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

LIST = """
SELECT part.number, part.first_position, least(part.last_position, log.head()) AS last_position, part.attached,
       to_regclass('log.event_' || part.number) IS NOT NULL AS present,
       coalesce(pg_total_relation_size(to_regclass('log.event_' || part.number)), 0) AS size_bytes
FROM log.partition AS part WHERE part.first_position <= log.head() ORDER BY part.number
"""


KNOWN = "SELECT FROM log.partition WHERE number = %s"


class PartitionRefusedError(Exception):
    """The partition cannot be detached or attached; the message says why."""


class PartitionNotFoundError(PartitionRefusedError):
    """There is no partition of this number, or it is not in the database."""


class PartitionBusyError(PartitionRefusedError):
    """Others hold the log for so long that nothing was changed."""


class PartitionDamagedError(PartitionRefusedError):
    """The partition does not hold what was detached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionState:
    """A partition: its positions, whether it is attached, whether it is in the database at all, its size in bytes."""

    number: int
    first_position: int
    last_position: int
    attached: bool
    present: bool
    size_bytes: int


def list_partitions(connection: Connection) -> Sequence[PartitionState]:
    with connection.cursor(row_factory=class_row(PartitionState)) as cursor:
        return cursor.execute(LIST).fetchall()


def detach_partition(connection: Connection, number: int) -> None:
    """Detach the oldest attached partition from the log's table. Readers still find it."""
    _change(connection, "SELECT log.detach_partition(%s)", number)


def attach_partition(connection: Connection, number: int) -> None:
    """Attach the newest detached partition again, after checking that it is whole."""
    _change(connection, "SELECT log.attach_partition(%s)", number)


def _change(connection: Connection, statement: str, number: int) -> None:
    if connection.execute(KNOWN, (number,)).fetchone() is None:
        raise PartitionNotFoundError(f"The log has no partition {number}.")
    try:
        connection.execute(statement, (number,))
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise PartitionRefusedError(error.diag.message_primary) from error
    except psycopg.errors.DataCorrupted as error:
        raise PartitionDamagedError(error.diag.message_primary) from error
    except psycopg.errors.UndefinedTable as error:
        raise PartitionNotFoundError(
            f"Partition {number} is not in the database: restore log.event_{number}."
        ) from error
    except psycopg.errors.LockNotAvailable as error:
        raise PartitionBusyError("Somebody is reading or writing the log for long. Try again.") from error
