"""A PostgreSQL server of our own, from the programs in a wheel: nothing to install, nothing to configure.

Any number of processes may use the server at once: the first one starts it, the last one stops it, and one that is
killed leaves nothing behind that would stop the next one.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from infrastructure.database.addresses import GROUPS, Addresses
from infrastructure.database.data_folder import KEYS, NAME, SUPERUSER, DataFolder, Server
from infrastructure.database.file_locks import Use, one_at_a_time
from infrastructure.database.installation import (
    ELSEWHERE,
    Account,
    account_for,
    find_installation,
    open_folder,
    reachable_installation,
)
from infrastructure.database.slow_statements import EXTENSION
from infrastructure.postgres.failures import DatabaseUnusableError

_START_TIMEOUT_S = 300
"""Long: a server that was killed recovers from its journal first."""
_STOP_TIMEOUT_S = 60
_PROBE_TIMEOUT_S = 5
_MARGIN_S = 30
_START_ATTEMPTS = 4
_POLL_INTERVAL_S = 0.1


class EmbeddedPostgres:
    """The server of one data folder. `start` and `release` may be called at any moment, by any number of processes.

    Only tests give `installation` and `elsewhere` (see `reachable_installation`). Tests and benchmarks also call `stop`
    and `superuser_url`: the platform releases a server that others may use, and never acts as the superuser.
    """

    def __init__(self, data_dir: Path, *, installation: Path | None = None, elsewhere: Path = ELSEWHERE) -> None:
        self._data = DataFolder(home=data_dir.absolute(), elsewhere=elsewhere)
        self._installation = installation
        self._use = Use(self._data.home / "server.users")

    @property
    def url(self) -> str:
        """The address of the database, as the role that owns it."""
        return self._data.server().url(NAME, NAME)

    @property
    def addresses(self) -> Addresses:
        """The address of the database for each role. Of a server that was never started there are none."""
        return self._data.server().addresses()

    @property
    def superuser_url(self) -> str:
        """The address of the same database, as its superuser."""
        return self._data.server().url(SUPERUSER, NAME)

    def start(self) -> str:
        """Start the server unless it runs already, and return the address of the database. Safe to repeat."""
        with self._locked():
            if not self.running():
                self._start()
            self._make_databases()
            self._use.begin()
        return self.url

    def running(self) -> bool:
        """Whether the server of this folder answers to our password: another server on its port does not."""
        if self._data.processes() == frozenset():
            return False
        try:
            url = self._data.server().url(SUPERUSER, "postgres")
            with psycopg.connect(url, connect_timeout=_PROBE_TIMEOUT_S, require_auth="scram-sha-256") as connection:
                row = connection.execute("SHOW data_directory").fetchone()
                return row is not None and Path(row[0]) == self._data.pgdata.resolve()
        except (FileNotFoundError, psycopg.OperationalError):
            return False

    def release(self) -> None:
        """Say that this process no longer uses the server; stop it if no other process does."""
        with self._locked():
            self._use.end()
            if not self._use.anybody():
                self._stop()

    def stop(self) -> None:
        """Stop the server, also while others use it: open transactions are rolled back, nothing committed is lost."""
        with self._locked():
            self._use.end()
            self._stop()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            open_folder(self._data.home)
            with one_at_a_time(self._data.home / "server.lock"):
                yield
        except PermissionError as error:
            raise DatabaseUnusableError(
                f"The data folder {self._data.home} is closed to this user: {error.strerror}: {error.filename}. "
                "Run kroniek as the user who made it, or choose another KRONIEK_DATA_DIR."
            ) from error

    def _start(self) -> None:
        account = account_for(self._data.pgdata)
        programs = self._programs(account)
        if not self._data.pgdata.exists():
            self._data.initialise(account, programs)
        self._data.refuse_other_version(account, programs)
        failure = ""
        for _ in range(_START_ATTEMPTS):
            if self._wait_for_other():
                return
            failure = self._attempt(account, programs)
            if not failure:
                return
        raise DatabaseUnusableError(f"PostgreSQL does not start on {self._data.pgdata.resolve()}:\n{failure}")

    def _wait_for_other(self) -> bool:
        """Wait while server processes live that do not answer yet: starting, stopping, or without their postmaster.

        Return whether the server answers in the end.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._data.processes() and time.monotonic() < deadline:
            if self.running():
                return True
            time.sleep(_POLL_INTERVAL_S)
        return False

    def _attempt(self, account: Account, programs: Path) -> str:
        """Try once to start; return why it failed, empty when it runs."""
        pgdata = self._data.pgdata.resolve()
        self._data.drop_stale_note()
        self._data.configure(account)
        log = pgdata / "start.log"
        log.unlink(missing_ok=True)
        try:
            code, output = _pg_ctl(account, programs, ["start", f"--pgdata={pgdata}", f"--log={log}"], _START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"It does not answer within {_START_TIMEOUT_S} seconds."
        return "" if code == 0 else "\n".join([output.strip(), *self._data.log_tail()])

    def _stop(self) -> None:
        pgdata = self._data.pgdata.resolve()
        if not (pgdata / "postmaster.pid").exists() or self._data.processes() == frozenset():
            return
        account = account_for(pgdata)
        act = ["stop", f"--pgdata={pgdata}", "--mode=fast"]
        code, output = _pg_ctl(account, self._programs(account), act, _STOP_TIMEOUT_S)
        if code != 0 and self.running():
            raise DatabaseUnusableError(f"PostgreSQL on {pgdata} does not stop:\n{output.strip()}")

    def _programs(self, account: Account) -> Path:
        return reachable_installation(self._installation or find_installation(), account, self._data.elsewhere)

    def _make_databases(self) -> None:
        """Make missing roles and databases, also after an interrupted first start."""
        known = self._data.server()
        server = known.with_role_passwords()
        if server != known:
            self._data.remember(server)
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            _make_roles(connection, server, renewed=server != known)
            _count_statements(connection)
            _make_database(connection, NAME, GROUPS)
            _make_database(connection, KEYS, ())
        with psycopg.connect(server.url(SUPERUSER, KEYS), autocommit=True) as connection:
            let_shred(connection)


def _pg_ctl(account: Account, programs: Path, act: Sequence[str], timeout_s: int) -> tuple[int, str]:
    command = [str(programs / "bin" / "pg_ctl"), *act, "--wait", f"--timeout={timeout_s}"]
    return account.run(command, timeout_s=timeout_s + _MARGIN_S)


def _make_roles(connection: psycopg.Connection, server: Server, *, renewed: bool) -> None:
    """Make missing logins. The owner is a member of the other roles, as the migrations require.

    The role of the keys asks for checkpoints when it shreds keys.
    """
    there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for name, password in {NAME: server.owner_password, **server.role_passwords}.items():
        if name not in there or renewed:
            statement = "ALTER ROLE {} LOGIN PASSWORD {}" if name in there else "CREATE ROLE {} LOGIN PASSWORD {}"
            connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(password)))
    for role, member in [*((role, NAME) for role in GROUPS), ("pg_checkpoint", KEYS)]:
        if not connection.execute("SELECT WHERE pg_has_role(%s, %s, 'USAGE')", [member, role]).rowcount:
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(member)))


def _count_statements(connection: psycopg.Connection) -> None:
    """Let the owner see how long statements take. In the superuser's database: a dump of ours restores anywhere."""
    if not connection.execute("SELECT FROM pg_extension WHERE extname = %s", [EXTENSION]).rowcount:
        connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(EXTENSION)))
    if not connection.execute("SELECT WHERE pg_has_role(%s, 'pg_read_all_stats', 'USAGE')", [NAME]).rowcount:
        connection.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(sql.Identifier(NAME)))


def _make_database(connection: psycopg.Connection, name: str, guests: Sequence[str]) -> None:
    """Make the database of this owner if it is missing. Only the owner and the guests may connect to it."""
    owned = sql.Identifier(name)
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owned, owned))
    if connection.execute("SELECT WHERE has_database_privilege('public', %s, 'CONNECT')", [name]).rowcount:
        connection.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(owned))
    for guest in guests:
        if not connection.execute("SELECT WHERE has_database_privilege(%s, %s, 'CONNECT')", [guest, name]).rowcount:
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(owned, sql.Identifier(guest)))


def let_shred(connection: psycopg.Connection) -> None:
    """Let the role of the keys see the names of the journal's files, in a database of keys, as a superuser."""
    function = "pg_catalog.pg_ls_waldir()"
    if not connection.execute("SELECT WHERE has_function_privilege(%s, %s, 'EXECUTE')", [KEYS, function]).rowcount:
        statement = sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), sql.Identifier(KEYS))
        connection.execute(statement)
