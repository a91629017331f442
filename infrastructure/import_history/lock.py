"""One import of a name at a time: a second one is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

CONNECT_TIMEOUT_S = 10


class ImportRunningError(RuntimeError):
    """An import of this name is under way already."""


@contextmanager
def only_import(url: str, import_id: str) -> Iterator[None]:
    """Hold the name of an import in the database; its end, or that of this process, gives it back."""
    # An advisory lock is a number of 64 bits, with a sign.
    digest = hashlib.sha256(f"import\0{import_id}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        if connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone() != (True,):
            raise ImportRunningError(import_id)
        yield
