"""The database of a running platform: a PostgreSQL server of our own, or one at an address from the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.errors import DatabaseUnusable
from infrastructure.database.external import verify
from infrastructure.database.migrate import migrate
from infrastructure.settings import Settings

__all__ = ["DatabaseUnusable", "EmbeddedPostgres", "migrate", "open_database", "verify"]


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Yield the address of a database that keeps what it is given; raise DatabaseUnusable where there is none.

    The embedded server is started if no process has done so, and stopped at the end if no other process uses it.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        verify(url)
        yield url
        return
    server = EmbeddedPostgres(settings.data_dir)
    url = server.start()
    try:
        yield url
    finally:
        server.release()
