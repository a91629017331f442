"""The environment of builds: the database, the definitions, and what all steps of a build do with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg import Connection

from infrastructure.postgres.arrays import register_types
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.builds import BuildRequest
from infrastructure.projector.rebuild.switch_over import MAX_TRIES
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.tables import ReadTable
from projections.progress import BuildPurpose
from projections.read_model import ReadModel

BUILD = "_build"
"""The suffix of the table of a build."""

SUMS = "_sums"
"""A further suffix: the sums of single processes, to be added up."""

END_HOLDERS = """
SELECT pg_terminate_backend(lock.pid) FROM pg_locks AS lock JOIN pg_stat_activity AS session ON session.pid = lock.pid
WHERE lock.relation = ANY(%s) AND session.usename = current_user AND lock.pid <> pg_backend_pid()
"""
"""Ends the sessions of this role that hold tables."""

Progress = Callable[[int, int], None]
"""Called with how many events were folded, and of how many."""


class CancelledError(RuntimeError):
    """An administrator cancelled the build."""


class StoppedError(RuntimeError):
    """The process is to end. The build stays open, and the next worker begins it again."""


@dataclass(frozen=True, slots=True)
class BuildEnvironment:
    """`url` is that of a login with the rights of the projector; `workers`, how many processes fill tables.

    One processor is left for queries: the processes that fill tables have a low priority, but PostgreSQL's own have
    not. `at_once` is how many statements PostgreSQL runs at once, such as making indexes and digests. Rows that others
    read are tried to be replaced `takeover_tries` times.
    """

    url: str
    definitions: Definitions
    workers: int = field(default_factory=lambda: max((os.cpu_count() or 1) - 1, 1))
    at_once: int = field(default_factory=lambda: max((os.cpu_count() or 1) - 1, 1))
    progress: Progress = lambda _done, _total: None
    stopped: Callable[[], bool] = lambda: False
    takeover_tries: int = MAX_TRIES

    def connect(self) -> Connection:
        connection = psycopg.connect(self.url, autocommit=True)
        register_types(connection)
        return connection

    def projection(self, build: BuildRequest) -> ReadModel:
        return self.definitions.projections[build.projection]

    def table(self, build: BuildRequest) -> ReadTable:
        """Return the table that a build makes."""
        suffix = f"_at_{build.position}" if build.purpose == BuildPurpose.AS_OF else BUILD
        return ReadTable(self.projection(build).table, suffix)

    def drop_leftovers(self, connection: Connection, build: BuildRequest) -> None:
        """Drop the tables of a build whose lock the caller holds, and end the sessions that still write into them."""
        if build.purpose == BuildPurpose.UNDO:
            return
        table = self.table(build)
        sums = table.beside(table.suffix + SUMS)
        left = [oid for each in (table, sums) if (oid := each.oid(connection)) is not None]
        # A suspended process that filled them may still be in a transaction.
        connection.execute(END_HOLDERS, (left,))
        with connection.transaction():
            table.drop(connection)
            sums.drop(connection)

    def check_stopped(self) -> None:
        if self.stopped():
            raise StoppedError

    def check_wanted(self, connection: Connection, build: BuildRequest) -> None:
        self.check_stopped()
        if not builds.is_wanted(connection, build):
            raise CancelledError
