"""Ids of new aggregates: they begin with the time, so that new ones are neighbours in every index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

RANDOM_BYTES = 10
"""How many random bytes, or bytes of a keyed digest, an id takes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def time_ordered_id(at: datetime, chance: bytes) -> str:
    """Return a UUID of version 7 (RFC 9562, section 5.7) for an instant, unique by its random bytes.

    An index over random ids is written all over: each new row touches a page of its own, and once the index is larger
    than memory each append waits for the disk. With these the new rows of a day touch the same few pages.
    """
    milliseconds = (at - _EPOCH) // _MILLISECOND
    bits = int.from_bytes(chance[:RANDOM_BYTES], "big")
    high, low = bits >> 68, bits & (1 << 62) - 1
    return str(UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))
