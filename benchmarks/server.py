"""A PostgreSQL of the benchmark's own, whose settings lose nothing that was confirmed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.migrations import migrate, migrate_keys

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class NotDurableError(RuntimeError):
    """The server may lose what it has confirmed: what is measured on it would say nothing."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with a migrated database, and a folder for what else a benchmark keeps on the same disk."""

    url: str
    superuser_url: str
    keys_url: str
    folder: Path

    def database(self, name: str) -> str:
        """Make another migrated database on the same server and return its address."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER kroniek").format(sql.Identifier(name)))
        url = self.url.rpartition("/")[0] + "/" + name
        migrate(url)
        return url


@contextmanager
def own_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="kroniek-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "data")
        url = postgres.start()
        try:
            migrate(url)
            migrate_keys(postgres.addresses.keys)
            yield Server(url, postgres.superuser_url, postgres.addresses.keys, folder)
        finally:
            postgres.stop()


def durable_settings(url: str) -> Mapping[str, str]:
    """Return the settings that durability rests on, as a connection of ours gets them; refuse if one is off."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(DURABLE)])
        found: dict[str, str] = dict(rows.fetchall())
    if off := [name for name in DURABLE if found[name] != "on"]:
        raise NotDurableError(f"Not measured: the server runs without {', '.join(off)}.")
    return {name: found[name] for name in DURABLE}
