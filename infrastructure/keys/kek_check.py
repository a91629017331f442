"""Whether the current key-encryption key opens the keys that it wraps: the right one is there, and can be read."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from psycopg import AsyncConnection

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KeyBrokenError, KeyOwner, KeysUnavailableError
from infrastructure.keys.key_statements import associated_data, associated_data_of_name
from infrastructure.keys.provider import BoundKey, KekProvider

_NAMED = """
SELECT n.kek_id, n.name, n.wrapped FROM keys.named_secret AS n JOIN keys.kek AS k USING (kek_id) WHERE k.is_current
ORDER BY n.made_at DESC LIMIT 1
"""
_OF_SUBJECT = """
SELECT s.kek_id, k.key_id, k.subject_id, k.purpose_group, s.wrapped
FROM keys.secret AS s JOIN keys.key AS k USING (key_id)
WHERE s.kek_id = (SELECT kek_id FROM keys.kek WHERE is_current) LIMIT 1
"""


class KekState(StrEnum):
    OPENS = "opens"
    """It opened a key."""
    UNUSED = "unused"
    """There is none yet, or it wraps nothing yet."""
    UNREACHABLE = "unreachable"
    """It is not there, or cannot be read."""
    WRONG = "wrong"
    """It opens nothing: it is another key under the same name, or the keys were changed."""


async def check_current_kek(connection: AsyncConnection, provider: KekProvider) -> KekState:
    """Open one key with the current key-encryption key.

    `provider` has to be a new one: another may remember a key-encryption key that is no longer there.
    """
    found = await _one_wrapped(connection)
    if found is None:
        return KekState.UNUSED
    kek_id, wrapped = found
    try:
        await asyncio.to_thread(provider.unwrap, kek_id, [wrapped])
    except KeysUnavailableError:
        return KekState.UNREACHABLE
    except KeyBrokenError:
        return KekState.WRONG
    return KekState.OPENS


async def _one_wrapped(connection: AsyncConnection) -> tuple[str, BoundKey] | None:
    if (row := await (await connection.execute(_NAMED)).fetchone()) is not None:
        return row[0], BoundKey(bytes(row[2]), associated_data_of_name(row[1]))
    if (row := await (await connection.execute(_OF_SUBJECT)).fetchone()) is not None:
        owner = KeyOwner(row[2], PurposeGroup(row[3]))
        return row[0], BoundKey(bytes(row[4]), associated_data(bytes(row[1]), owner))
    return None
