"""What we ask of a PostgreSQL server that is not our own, before anything is written to it."""

from __future__ import annotations

import psycopg

from infrastructure.database.errors import DatabaseUnusable

OLDEST = 15
_CONNECT_TIMEOUT_S = 10
_SETTINGS = ("server_version_num", "server_encoding", "fsync", "full_page_writes", "synchronous_commit")


def verify(url: str) -> None:
    """Raise DatabaseUnusable, with every reason, unless the server is new enough and loses nothing it has confirmed."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_SETTINGS)])
            found: dict[str, str] = dict(rows.fetchall())
            may_create = connection.execute(
                "SELECT has_database_privilege(current_database(), 'CREATE')"
                " AND has_schema_privilege(current_schema(), 'CREATE')"
            ).fetchone()
    except psycopg.Error as error:
        raise DatabaseUnusable(f"The database of KRONIEK_DATABASE_URL cannot be reached: {error}") from error
    if complaints := _complaints(found, may_create=may_create == (True,)):
        raise DatabaseUnusable("The database of KRONIEK_DATABASE_URL cannot be used:\n- " + "\n- ".join(complaints))


def _complaints(found: dict[str, str], *, may_create: bool) -> list[str]:
    complaints = []
    if int(found["server_version_num"]) < OLDEST * 10_000:
        complaints.append(
            f"It is PostgreSQL {int(found['server_version_num']) // 10_000}; {OLDEST} or newer is needed."
        )
    if found["server_encoding"] != "UTF8":
        complaints.append(f"Its encoding is {found['server_encoding']}; UTF8 is needed.")
    complaints += [
        f"`{name}` is off: what was confirmed could be lost in a power cut. Set it to `on`."
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if found[name] == "off"
    ]
    if not may_create:
        complaints.append("Its role may not create schemas and tables: make it the owner of the database.")
    return complaints
