"""A PostgreSQL server of our own, from the programs in a wheel: nothing to install, nothing to configure.

In the data folder stand `pgdata` (the server's own, or a link to it) and `server.json` (port and passwords, for us only).
Any number of processes may use the server at once: the first one starts it, the last one stops it, and one that is
killed leaves no trace that a next one minds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from infrastructure.database.errors import DatabaseUnusable
from infrastructure.database.installation import (
    ELSEWHERE,
    Account,
    account_for,
    find_installation,
    open_folder,
    reachable_installation,
)

NAME = "kroniek"
"""The database and the role that owns it."""

SUPERUSER = "postgres"
HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below the range from which systems take the ports of outgoing connections."""

CONFIGURATION = """\
# Written by kroniek at every start: change it in infrastructure/database/embedded.py.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
# What was answered as done is on disk.
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = '256MB'
# Few, slow checkpoints: a burst of appends is not interrupted by one.
max_wal_size = '4GB'
min_wal_size = '256MB'
checkpoint_timeout = '15min'
# Our queries are short; compiling them costs more than it gives.
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
# A week of logs. Terse, and without statements: the values in them may be somebody's.
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_rotation_size = 0
log_error_verbosity = terse
log_min_error_statement = panic
"""

ACCESS = """\
# Written by kroniek: from this machine only, with a password always.
host  all          all  127.0.0.1/32  scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
"""

_LOCK_TIMEOUT_S = 120
_START_TIMEOUT_S = 300
"""Long: a server that was killed reads back its journal first."""
_STOP_TIMEOUT_S = 60
_START_ATTEMPTS = 4
_PORT_ATTEMPTS = 100
_TAIL_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What `server.json` holds."""

    port: int
    superuser_password: str
    owner_password: str

    def url(self, user: str, database: str) -> str:
        password = self.superuser_password if user == SUPERUSER else self.owner_password
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"


class EmbeddedPostgres:
    """The server of one data folder. `start` and `stop` may be called at any moment, by any number of processes.

    `installation` and `elsewhere` (see `reachable_installation`) are for tests.
    """

    def __init__(self, data_dir: Path, *, installation: Path | None = None, elsewhere: Path = ELSEWHERE) -> None:
        self.folder = data_dir.absolute()
        self._installation = installation
        self._elsewhere = elsewhere
        self._use: int | None = None

    @property
    def url(self) -> str:
        """The address of the database, as the role that owns it."""
        return self._server().url(NAME, NAME)

    @property
    def superuser_url(self) -> str:
        """The address of the same database for what its owner may not do."""
        return self._server().url(SUPERUSER, NAME)

    @property
    def pgdata(self) -> Path:
        return self.folder / "pgdata"

    def start(self) -> str:
        """Start the server unless it runs already, and return the address of the database. Safe to repeat."""
        open_folder(self.folder)
        with self._locked():
            if not self.running():
                self._start()
            self._make_database()
            self._begin_use()
        return self.url

    def running(self) -> bool:
        """Whether the server of this folder answers to our password: another server on its port does not."""
        try:
            with psycopg.connect(self._server().url(SUPERUSER, "postgres"), connect_timeout=5) as connection:
                (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
                return Path(folder) == self.pgdata.resolve()
        except (FileNotFoundError, psycopg.OperationalError):
            return False

    def release(self) -> None:
        """Say that this process no longer uses the server; stop it if no other process does."""
        with self._locked():
            self._end_use()
            if self._nobody_uses_it():
                self._stop()

    def stop(self) -> None:
        """Stop the server whoever uses it: open transactions are rolled back, nothing committed is lost."""
        with self._locked():
            self._end_use()
            self._stop()

    # --- Starting and stopping, under the lock ---

    def _start(self) -> None:
        account = account_for(self.pgdata)
        programs = reachable_installation(self._installation or find_installation(), account, self._elsewhere)
        if not self.pgdata.exists():
            self._initialise(account, programs)
        self._refuse_other_version(account, programs)
        complaint = ""
        for attempt in range(_START_ATTEMPTS):
            time.sleep(attempt * 0.5)  # a killed server's last processes may still hold its memory
            complaint = self._attempt_start(account, programs)
            if not complaint:
                return
        raise DatabaseUnusable(f"PostgreSQL does not start on {self.pgdata.resolve()}:\n{complaint}")

    def _attempt_start(self, account: Account, programs: Path) -> str:
        """Try once; return what the server complained of, or nothing when it stands."""
        pgdata = self.pgdata.resolve()
        self._drop_stale_pid(pgdata)
        server = self._server()
        if not _is_free(server.port):
            server = replace(server, port=_free_port())
            self._remember(server)
        settings = pgdata / "kroniek.conf"
        settings.write_text(f"{CONFIGURATION}port = {server.port}\n")
        account.own(settings)
        started_log = pgdata / "start.log"
        started_log.unlink(missing_ok=True)
        options = ["--wait", f"--timeout={_START_TIMEOUT_S}", f"--log={started_log}"]
        try:
            code, output = account.run(
                [programs / "bin" / "pg_ctl", "start", f"--pgdata={pgdata}", *options], timeout_s=_START_TIMEOUT_S + 30
            )
        except subprocess.TimeoutExpired:
            return f"It did not answer within {_START_TIMEOUT_S} seconds."
        return "" if code == 0 else "\n".join([output.strip(), *_tail(started_log), *_tail(_newest(pgdata / "log"))])

    def _stop(self) -> None:
        pgdata = self.pgdata.resolve()
        if not (pgdata / "postmaster.pid").exists():
            return
        account = account_for(pgdata)
        programs = reachable_installation(self._installation or find_installation(), account, self._elsewhere)
        command = [programs / "bin" / "pg_ctl", "stop", f"--pgdata={pgdata}", "--mode=fast", "--wait"]
        code, output = account.run([*command, f"--timeout={_STOP_TIMEOUT_S}"], timeout_s=_STOP_TIMEOUT_S + 30)
        if code != 0 and self.running():
            raise DatabaseUnusable(f"PostgreSQL on {pgdata} does not stop:\n{output.strip()}")

    # --- Making the data folder ---

    def _initialise(self, account: Account, programs: Path) -> None:
        """Make `pgdata` complete under another name and then rename it, so that a half-made one is never taken for it."""
        place = self._place(account)
        making = place / "pgdata.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        account.own(making)
        server = Server(
            port=_free_port(), superuser_password=secrets.token_urlsafe(24), owner_password=secrets.token_urlsafe(24)
        )
        with _password_file(server.superuser_password, account, place) as password_file:
            code, output = account.run(
                [
                    programs / "bin" / "initdb",
                    f"--pgdata={making}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-instructions",
                ],
                timeout_s=_START_TIMEOUT_S,
            )
        if code != 0:
            raise DatabaseUnusable(f"PostgreSQL cannot make its data folder {making}:\n{output.strip()}")
        (making / "pg_hba.conf").write_text(ACCESS)
        with (making / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude 'kroniek.conf'\n")
        self._remember(server)
        making.rename(place / "pgdata")
        if place != self.folder:
            self.pgdata.unlink(missing_ok=True)
            self.pgdata.symlink_to(place / "pgdata")

    def _place(self, account: Account) -> Path:
        """Return the folder in which `pgdata` is made: ours, or for root one elsewhere if ours is closed to the server.

        A folder elsewhere has a name of its own: data of a folder that was removed never comes back in a new one.
        """
        if account.enters(self.folder):
            return self.folder
        open_folder(self._elsewhere)
        place = Path(tempfile.mkdtemp(prefix=f"{self.folder.parent.name}-", dir=self._elsewhere))
        place.chmod(0o755)
        (place / "folder").write_text(f"{self.folder}\n")
        return place

    def _refuse_other_version(self, account: Account, programs: Path) -> None:
        made_by = (self.pgdata / "PG_VERSION").read_text().strip()
        _, output = account.run([programs / "bin" / "postgres", "--version"])
        ours = output.split()[-1].split(".")[0]
        if made_by != ours:
            raise DatabaseUnusable(
                f"{self.pgdata} was made by PostgreSQL {made_by}, the installed package holds PostgreSQL {ours}. "
                f"Dump the data with the old version and load it with the new one, or choose another KRONIEK_DATA_DIR."
            )

    def _make_database(self) -> None:
        """Make the owner and the database unless they are there; also after a first start that was interrupted."""
        server = self._server()
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            name, password = sql.Identifier(NAME), sql.Literal(server.owner_password)
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [NAME]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, password))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))

    def _drop_stale_pid(self, pgdata: Path) -> None:
        """Remove the note of a server that was killed when its process id is another program's by now.

        PostgreSQL removes the note itself unless a process with that id lives, which after a restart of a container
        is often so. Its own processes all have the data folder as their working directory: none, then no server.
        """
        note = pgdata / "postmaster.pid"
        processes = Path("/proc")
        if not note.exists() or not (processes / "self" / "cwd").exists():
            return
        for process in processes.iterdir():
            if process.name.isdecimal():
                with contextlib.suppress(OSError):
                    if (process / "cwd").readlink() == pgdata:
                        return
        note.unlink(missing_ok=True)

    # --- What we remember ---

    def _server(self) -> Server:
        return Server(**json.loads((self.folder / "server.json").read_text()))

    def _remember(self, server: Server) -> None:
        new = self.folder / "server.json.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(server), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / "server.json")

    # --- Who starts, who uses ---

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop the server. The system frees the lock of one that was killed."""
        lock = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while not _try_lock(lock, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise DatabaseUnusable(
                        f"Another process has been starting PostgreSQL in {self.folder} for too long."
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(lock)

    def _begin_use(self) -> None:
        if self._use is None:
            self._use = os.open(self.folder / "server.users", os.O_RDWR | os.O_CREAT, 0o600)
            _try_lock(self._use, fcntl.LOCK_SH)

    def _end_use(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def _nobody_uses_it(self) -> bool:
        users = os.open(self.folder / "server.users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            return _try_lock(users, fcntl.LOCK_EX)
        finally:
            os.close(users)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    for _ in range(_PORT_ATTEMPTS):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise DatabaseUnusable(f"No free port on {HOST} among {_PORT_ATTEMPTS} tried from {PORTS.start} to {PORTS.stop}.")


@contextlib.contextmanager
def _password_file(password: str, account: Account, place: Path) -> Iterator[Path]:
    """Give the password to a program in a file that it alone can read; on a command line everybody could."""
    descriptor, name = tempfile.mkstemp(dir=place, prefix="password-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        account.own(path)
        yield path
    finally:
        path.unlink()


def _newest(folder: Path) -> Path:
    return max(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, default=folder)


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if path.is_file() else []
