"""Row-level security on the tables of read models: PostgreSQL shows a reader the rows that its viewer may see.

A table is closed to readers until it is put in use: PostgreSQL refuses `COPY`, which fills it, where row-level security
is forced, and only the projector has rights on it before. The conditions are those of `projections/row_security.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import psycopg
from psycopg import Connection, sql
from sqlalchemy import Table

from infrastructure.postgres.composing import commas, names
from projections.read_model import SCHEMA, ReadModel
from projections.registry import PROJECTIONS
from projections.row_security import DIALECT, asked_by, policy, rows_of

SEEN = "seen"
"""The policy for readers."""

FORCED = sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
# Policies of one command add up: a role without one sees no row.
POLICIES = {
    "kept": "CREATE POLICY kept ON {} TO kroniek_projector USING (true) WITH CHECK (true)",
    "audited": "CREATE POLICY audited ON {} FOR SELECT TO kroniek_auditor USING (true)",
}
SEEN_BY_READERS = "CREATE POLICY seen ON {} FOR SELECT TO kroniek_reader USING ({})"
COMMENTED = "COMMENT ON POLICY seen ON {} IS {}"
READABLE = "GRANT SELECT ON {} TO kroniek_reader"

# The comment of a policy has the digest of its condition: PostgreSQL shows the condition itself in another form.
STANDS = """
SELECT relrowsecurity AND relforcerowsecurity,
       ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = pg_class.oid ORDER BY polname),
       coalesce((SELECT obj_description(oid, 'pg_policy') FROM pg_policy
                 WHERE polrelid = pg_class.oid AND polname = 'seen'), '')
FROM pg_class WHERE pg_class.oid = to_regclass(%s)
"""
# The body is text, which PostgreSQL reads for each query and makes part of it (`Function Inlining`): it costs
# nothing, and uses the indexes. It has no operators: PostgreSQL would find them by the search path of the caller.
ROWS = """
CREATE FUNCTION {} RETURNS TABLE ({}) LANGUAGE sql STABLE PARALLEL SAFE AS {};
REVOKE ALL ON FUNCTION {} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {} TO kroniek_reader
"""
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('kroniek row security'))"
FUNCTION_THERE = "SELECT to_regprocedure(%s) IS NOT NULL"
LOCK_WAIT_MS = 200
"""How long readers and live updates wait at most behind a table in use that is given other policies."""


def close_to_readers(connection: Connection, name: str) -> None:
    """Force row-level security on a table that is filled: the projector and auditors see all of it, readers nothing."""
    target = sql.Identifier(SCHEMA, name)
    standing = _standing(connection, name)
    connection.execute(FORCED.format(target))
    for name_there in () if standing is None else standing[1]:
        connection.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(name_there), target))
    for statement in POLICIES.values():
        connection.execute(sql.SQL(statement).format(target))


def open_to_readers(connection: Connection, definition: Table, name: str) -> None:
    """Let readers see the rows of a table that their viewer may see, and no others."""
    if _standing(connection, name) == _wanted(definition):
        return
    target = sql.Identifier(SCHEMA, name)
    seen = sql.SQL(policy(definition, name))
    with connection.transaction():
        _make_functions(connection, definition)
        close_to_readers(connection, name)
        connection.execute(sql.SQL(SEEN_BY_READERS).format(target, seen))
        connection.execute(sql.SQL(COMMENTED).format(target, sql.Literal(_digest(definition))))
        connection.execute(sql.SQL(READABLE).format(target))


def secure_read_models(url: str) -> None:
    """Secure the read models of this release that exist; a table that readers hold is left to the worker.

    `url` is that of the projector. A migration and the start of the platform call this before the first reader.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        secure(connection, PROJECTIONS)


def secure(connection: Connection, projections: Iterable[ReadModel]) -> Sequence[str]:
    """Give the tables in use the policies of this release where they have others; return those that were changed.

    A table that readers hold for too long is left for the next call. So is a table whose condition reads another read
    model that does not exist yet: until then its policies are right.
    """
    changed = []
    for projection in projections:
        table = projection.table
        standing = _standing(connection, table.name)
        if standing is None or standing == _wanted(table):
            continue
        if SEEN in standing[1] and any(_standing(connection, it.name) is None for it in asked_by(table)):
            continue
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
                open_to_readers(connection, table, table.name)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            continue
        changed.append(table.name)
    return changed


def _make_functions(connection: Connection, definition: Table) -> None:
    """Make the functions that give the rows of other read models. Those tables need not exist yet."""
    for table in asked_by(definition):
        if not _function_exists(connection, table):
            connection.execute(ONE_AT_A_TIME)
            connection.execute("SET LOCAL check_function_bodies = off")
            if not _function_exists(connection, table):
                connection.execute(_rows_statement(table))


def _function_exists(connection: Connection, table: Table) -> bool:
    return connection.execute(FUNCTION_THERE, (rows_of(table),)).fetchone() == (True,)


def _rows_statement(table: Table) -> sql.Composed:
    call = sql.SQL(rows_of(table))
    types = commas(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type.compile(dialect=DIALECT)))
        for column in table.columns
    )
    columns = names(column.name for column in table.columns)
    body = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(SCHEMA, table.name))
    return sql.SQL(ROWS).format(call, types, sql.Literal(body.as_string()), call, call)


def _standing(connection: Connection, name: str) -> tuple[bool, list[str], str] | None:
    """Return whether row-level security is forced, which policies there are, and the digest of the readers' one."""
    return connection.execute(STANDS, (f"{SCHEMA}.{name}",)).fetchone()


def _wanted(definition: Table) -> tuple[bool, list[str], str]:
    return True, sorted([*POLICIES, SEEN]), _digest(definition)


def _digest(definition: Table) -> str:
    return hashlib.sha256(policy(definition, definition.name).encode()).hexdigest()
