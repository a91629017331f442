"""Calls `log.append` without the driver's cursor, which would triple the cost of the call in this process."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format

from infrastructure.event_log.log_statements import APPEND_PARAMETERS

NAME = b"append_to_log"

_PLACES = ", ".join(f"${number}" for number in range(1, APPEND_PARAMETERS + 1))
PREPARE = f"PREPARE append_to_log AS SELECT log.append({_PLACES})"
"""Executed once on each connection."""

_FORMATS = [Format.BINARY] * APPEND_PARAMETERS


async def call_append(connection: AsyncConnection, parameters: Sequence[bytes | None]) -> int | None:
    """Call `log.append` with parameters in PostgreSQL's binary form.

    Return the head of the log before the written events; None where the log differs from the assumed state.
    """
    async with connection.lock:
        connection.pgconn.send_query_prepared(NAME, parameters, _FORMATS, result_format=Format.BINARY)
        results = await connection.wait(execute(connection.pgconn))
    # The commit follows the result of the call: where it fails, an error comes as a second result.
    for result in results:
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result, encoding="utf-8")
    before = results[0].get_value(0, 0)
    return None if before is None else int.from_bytes(before, "big")
