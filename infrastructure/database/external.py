"""Checks a PostgreSQL server before anything is written to it: its version, and that commits are durable."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from infrastructure.database.addresses import Addresses, DatabaseRole
from infrastructure.postgres.failures import DatabaseUnreachableError, DatabaseUnusableError

OLDEST = 15
_CONNECT_TIMEOUT_S = 10
_SETTINGS = (
    "server_version_num",
    "server_encoding",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "synchronous_standby_names",
    "transaction_read_only",
)
_PLATFORM = (DatabaseRole.WRITER, DatabaseRole.PROJECTOR, DatabaseRole.READER)

_FIND_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
_MAY_CREATE = """
SELECT has_database_privilege(current_database(), 'CREATE') AND has_schema_privilege(current_schema(), 'CREATE')
"""


_SEES_TOO_MUCH = """
SELECT rolsuper, rolbypassrls, ARRAY(
    SELECT other.rolname::text FROM pg_roles AS other
    WHERE other.rolname = ANY(%s) AND NOT own.rolsuper AND pg_has_role(own.oid, other.oid, 'USAGE') ORDER BY 1
)
FROM pg_roles AS own WHERE rolname = current_user
"""
_SEE_EVERY_ROW = (DatabaseRole.PROJECTOR, DatabaseRole.AUDITOR)

_HOLDS_THE_LOG = (
    "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'event' AND relnamespace = to_regnamespace('log'))"
)


def verify(url: str) -> None:
    """Raise DatabaseUnusableError, with every reason, unless the owner at this address can make a durable platform."""
    _refuse(_problems_of_owner(url, DatabaseRole.OWNER), DatabaseRole.OWNER)


def verify_sessions(addresses: Addresses) -> None:
    """Raise DatabaseUnusableError unless each role of the platform can connect, and its commits are durable.

    Settings may differ by login and by database: each session is asked for its own. For the reader, row-level security
    has to hold as well.
    """
    for role in _PLATFORM:
        if role in addresses.known:
            found, _ = _ask(addresses.known[role], role)
            _refuse(_problems(found), role)
    if DatabaseRole.READER in addresses.known:
        _refuse(_problems_of_reader(addresses.reader), DatabaseRole.READER)


def verify_keys(url: str) -> None:
    """Raise DatabaseUnusableError unless the owner of this address can keep the keys there, apart from the log."""
    problems = _problems_of_owner(url, DatabaseRole.KEYS)
    with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
        if connection.execute(_HOLDS_THE_LOG).fetchone() == (True,):
            problems.append("It holds the log too. The keys need a database of their own: see KRONIEK_KEYS_URL.")
    _refuse(problems, DatabaseRole.KEYS)


def _ask(url: str, role: DatabaseRole) -> tuple[Mapping[str, str], bool]:
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            found: dict[str, str] = dict(connection.execute(_FIND_SETTINGS, [list(_SETTINGS)]).fetchall())
            may_create = connection.execute(_MAY_CREATE).fetchone() == (True,)
    except psycopg.Error as error:
        raise DatabaseUnreachableError(f"The database cannot be reached as {role}: {str(error).strip()}") from error
    if found["transaction_read_only"] == "on" and role is not DatabaseRole.READER:
        raise DatabaseUnreachableError(f"The database is read-only for {role}: it is a standby, or set to be so.")
    return found, may_create


def _problems_of_owner(url: str, role: DatabaseRole) -> list[str]:
    found, may_create = _ask(url, role)
    problems = _problems(found)
    if not may_create:
        problems.append("Its role may not create schemas and tables: make it the owner of the database.")
    return problems


def _problems_of_reader(url: str) -> list[str]:
    """Return the reasons why row-level security would hide nothing from the role of queries."""
    with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
        row = connection.execute(_SEES_TOO_MUCH, [list(_SEE_EVERY_ROW)]).fetchone()
    is_superuser, bypasses, others = row or (False, False, [])
    return [
        f"{what}: row-level security would hide nothing from it. {remedy}"
        for applies, what, remedy in (
            (is_superuser, "It is a superuser", "Run `ALTER ROLE kroniek_reader NOSUPERUSER`."),
            (bypasses, "It has BYPASSRLS", "Run `ALTER ROLE kroniek_reader NOBYPASSRLS`."),
            *((True, f"It is a member of {other}", f"Run `REVOKE {other} FROM kroniek_reader`.") for other in others),
        )
        if applies
    ]


def _problems(found: Mapping[str, str]) -> list[str]:
    problems = []
    if int(found["server_version_num"]) < OLDEST * 10_000:
        problems.append(f"It is PostgreSQL {int(found['server_version_num']) // 10_000}; {OLDEST} or newer is needed.")
    if found["server_encoding"] != "UTF8":
        problems.append(f"Its encoding is {found['server_encoding']}; UTF8 is needed.")
    problems += [
        f"`{name}` is off: what was confirmed could be lost in a power cut. Set it to `on`."
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if found[name] == "off"
    ]
    if found["synchronous_commit"] == "local" and found["synchronous_standby_names"]:
        problems.append(
            "`synchronous_commit` is local although it has synchronous standbys: what was confirmed could be lost when "
            "one of them takes over. Set it to `on`."
        )
    return problems


def _refuse(problems: list[str], role: DatabaseRole) -> None:
    if problems:
        raise DatabaseUnusableError(f"The database cannot be used as {role}:\n- " + "\n- ".join(problems))
