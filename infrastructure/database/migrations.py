"""Brings the schemas of log and keys up to date. Read models are versioned and rebuilt, never migrated."""

from __future__ import annotations

import hashlib
import importlib.resources
import itertools
import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import TypeAlias

import psycopg

from infrastructure.postgres.failures import DatabaseUnusableError

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = int.from_bytes(b"kronmigr", "big")
"""The advisory lock that lets one process at a time migrate a database."""

_TABLE = """
CREATE TABLE IF NOT EXISTS kroniek_migration (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_RECORD = "INSERT INTO kroniek_migration (name, sha256) VALUES (%s, %s)"


Migrations: TypeAlias = Mapping[str, bytes]
"""The files of SQL statements by their names, in order; each is applied once and never changed after that."""


def migrate(url: str, folder: Traversable | None = None) -> list[str]:
    """Apply the new migrations in the order of their names, all in one transaction; return their names.

    Whoever writes beside it meets the schema of before or that of all migrations, never one between. Two processes may
    call it at once. Raises DatabaseUnusableError where the database and the files have different histories, or a
    migration fails; nothing is applied then.
    """
    migrations = _read(folder or importlib.resources.files("migrations"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(_TABLE)
        rows = connection.execute("SELECT name, sha256 FROM kroniek_migration")
        applied: dict[str, bytes] = dict(rows.fetchall())
        _compare(migrations, applied)
        new = [name for name in migrations if name not in applied]
        with connection.transaction():
            for name in new:
                _apply(connection, name, migrations[name])
    return new


def migrate_keys(url: str) -> list[str]:
    """Do the same for the database of the keys, whose migrations are in a folder of their own."""
    return migrate(url, importlib.resources.files("migrations") / "keys")


def check_migrated(url: str) -> None:
    """Raise DatabaseUnusableError unless the schema is the one that this version knows. Every process may look."""
    migrations = _read(importlib.resources.files("migrations"))
    with psycopg.connect(url, autocommit=True) as connection:
        # Of an older schema the roles may see nothing yet.
        seen = connection.execute("SELECT has_table_privilege(to_regclass('kroniek_migration'), 'SELECT')").fetchone()
        rows = connection.execute("SELECT name, sha256 FROM kroniek_migration").fetchall() if seen == (True,) else []
    applied: dict[str, bytes] = dict(rows)
    _compare(migrations, applied)
    if not applied.keys() >= migrations.keys():
        raise DatabaseUnusableError(
            "The schema of the database is not up to date: run `kroniek migrate` first, with the address of the "
            "database's owner in KRONIEK_DATABASE_URL."
        )


def _read(folder: Traversable) -> Migrations:
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    names = [file.name for file in files]
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    twice = [name for before, name in itertools.pairwise(names) if before[:4] == name[:4]]
    if wrong or twice:
        raise DatabaseUnusableError(
            f"Migrations are named 0001_what.sql, each number once; wrong are: {', '.join(wrong + twice)}."
        )
    return {file.name: file.read_bytes() for file in files}


def _compare(migrations: Migrations, applied: Mapping[str, bytes]) -> None:
    if missing := sorted(applied.keys() - migrations.keys()):
        raise DatabaseUnusableError(
            f"The database has migrations that this version of kroniek does not know: {', '.join(missing)}. "
            "It was used by a newer version: install that one."
        )
    changed = sorted(name for name, digest in applied.items() if _digest(migrations[name]) != bytes(digest))
    if changed:
        raise DatabaseUnusableError(
            f"Migrations were changed after they had been applied: {', '.join(changed)}. "
            "Put them back as they were and write the change as a new migration."
        )
    new = [name for name in migrations if name not in applied]
    if applied and new and new[0] < max(applied):
        raise DatabaseUnusableError(
            f"{new[0]} comes before {max(applied)}, which is applied already: give it a later number."
        )


def _apply(connection: psycopg.Connection, name: str, statements: bytes) -> None:
    try:
        connection.execute(statements)
        connection.execute(_RECORD, [name, _digest(statements)])
    except psycopg.Error as error:
        why = error.diag.message_primary or error
        raise DatabaseUnusableError(f"{name} failed, and nothing was changed: {why}") from error


def _digest(statements: bytes) -> bytes:
    return hashlib.sha256(statements).digest()
