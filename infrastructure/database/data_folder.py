"""The data folder: `pgdata`, which the server owns, and `server.json` with port and passwords, which we own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from infrastructure.database.addresses import LOGINS, Addresses, DatabaseRole
from infrastructure.database.installation import Account, open_folder
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.secret_files import replace_text, temporary_secret

NAME = "kroniek"
"""The database and the role that owns it."""

KEYS = str(DatabaseRole.KEYS)
"""The database of the keys and the role that owns it."""

SUPERUSER = "postgres"
HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below the range from which systems take the ports of outgoing connections."""

CONFIGURATION = """\
# Written by kroniek at every start, from infrastructure/database/data_folder.py.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
# Confirmed commits are on disk.
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = '{buffers_mb}MB'
# Few, slow checkpoints: a burst of appends is not interrupted by one.
max_wal_size = '4GB'
# Few files of the journal wait to be used again: shredding a key overwrites them.
min_wal_size = '80MB'
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
log_parameter_max_length = 0
# Slow statements are shown by their form, with $1 in the place of each value (`kroniek log slow`).
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.max = 1000
pg_stat_statements.track_utility = off
"""

ACCESS = """\
# Written by kroniek: from this machine only, with a password always.
host  all          all  127.0.0.1/32  scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
"""

MIN_BUFFERS_MB, MAX_BUFFERS_MB = 128, 2_048

_PORT_ATTEMPTS = 100
_INITDB_TIMEOUT_S = 300
_TAIL_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The content of `server.json`."""

    port: int
    superuser_password: str
    owner_password: str
    role_passwords: Mapping[str, str] = field(default_factory=dict)
    """By the name of the role. A server that was made before there were roles has none until its next start."""

    def url(self, user: str, database: str) -> str:
        passwords = {SUPERUSER: self.superuser_password, NAME: self.owner_password, **self.role_passwords}
        return f"postgresql://{user}:{passwords[user]}@{HOST}:{self.port}/{database}"

    def addresses(self) -> Addresses:
        """Return the address of each role's database: here each is a login of its own."""
        known = {
            role: self.url(role, KEYS if role is DatabaseRole.KEYS else NAME)
            for role in LOGINS
            if role in self.role_passwords
        }
        return Addresses({DatabaseRole.OWNER: self.url(NAME, NAME), **known})

    def with_role_passwords(self) -> Server:
        """Return it with a password for each role; existing ones stay."""
        passwords = {str(role): self.role_passwords.get(role) or _new_password() for role in LOGINS}
        return replace(self, role_passwords=passwords)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """The data folder of one server. `elsewhere` is where root puts `pgdata` when the server cannot enter `home`."""

    home: Path
    elsewhere: Path

    @property
    def pgdata(self) -> Path:
        return self.home / "pgdata"

    def server(self) -> Server:
        return Server(**json.loads((self.home / "server.json").read_text()))

    def remember(self, server: Server) -> None:
        replace_text(self.home / "server.json", json.dumps(asdict(server)))

    def initialise(self, account: Account, programs: Path) -> None:
        """Make `pgdata` under another name and rename it when complete: a half-made one is never taken for it."""
        place = self._place(account)
        making = place / "pgdata.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        account.own(making)
        server = Server(port=_free_port(), superuser_password=_new_password(), owner_password=_new_password())
        _initdb(making, server, account, programs)
        self.remember(server)
        making.rename(place / "pgdata")
        if place != self.home:
            self.pgdata.unlink(missing_ok=True)
            self.pgdata.symlink_to(place / "pgdata")

    def refuse_other_version(self, account: Account, programs: Path) -> None:
        made_by = (self.pgdata / "PG_VERSION").read_text().strip()
        _, output = account.run([str(programs / "bin" / "postgres"), "--version"])
        ours = output.split()[-1].split(".")[0]
        if made_by != ours:
            raise DatabaseUnusableError(
                f"{self.pgdata} was made by PostgreSQL {made_by}, the installed package holds PostgreSQL {ours}. "
                "Dump the data with the old version and load it with the new one, or choose another KRONIEK_DATA_DIR."
            )

    def configure(self, account: Account) -> None:
        """Write our configuration, with the port of last time or another one if that is taken."""
        server = self.server()
        if not _is_free(server.port):
            server = replace(server, port=_free_port())
            self.remember(server)
        file = self.pgdata / "kroniek.conf"
        file.write_text(f"{CONFIGURATION.format(buffers_mb=_buffers_mb())}port = {server.port}\n")
        account.own(file)

    def log_tail(self) -> Sequence[str]:
        """Return the last lines of the server's logs."""
        logs = max((self.pgdata / "log").glob("*.log"), key=lambda path: path.stat().st_mtime, default=self.home)
        return [
            line
            for path in (self.pgdata / "start.log", logs)
            if path.is_file()
            for line in path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        ]

    def drop_stale_note(self) -> None:
        """Remove the note of a server that was killed when its process id is another program's by now.

        PostgreSQL removes the note itself unless a process with that id lives, which after a restart of a container
        is often so. Where processes cannot be listed (not Linux), PostgreSQL's own rule holds.
        """
        if self.processes() == frozenset():
            (self.pgdata / "postmaster.pid").unlink(missing_ok=True)

    def processes(self) -> frozenset[int] | None:
        """Return the server's processes: all have `pgdata` as their working directory. None where this is not known."""
        root, pgdata = Path("/proc"), self.pgdata.resolve()
        if not (root / "self" / "cwd").exists():
            return None
        found = set()
        for process in root.iterdir():
            if process.name.isdecimal():
                with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
                    if (process / "cwd").readlink() == pgdata:
                        found.add(int(process.name))
        return frozenset(found)

    def _place(self, account: Account) -> Path:
        """Return the folder in which `pgdata` is made: ours, or for root one elsewhere if ours is closed to the server.

        A folder elsewhere has a name of its own: data of a folder that was removed never comes back in a new one.
        """
        if account.enters(self.home):
            return self.home
        open_folder(self.elsewhere)
        place = Path(tempfile.mkdtemp(prefix=f"{self.home.parent.name}-", dir=self.elsewhere))
        place.chmod(0o755)
        (place / "belongs-to").write_text(f"{self.home}\n")
        return place


def _initdb(pgdata: Path, server: Server, account: Account, programs: Path) -> None:
    # On a command line everybody could read the password.
    with temporary_secret(pgdata.parent, server.superuser_password) as password_file:
        account.own(password_file)
        command = [
            str(programs / "bin" / "initdb"),
            f"--pgdata={pgdata}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        code, output = account.run(command, timeout_s=_INITDB_TIMEOUT_S)
    if code != 0:
        raise DatabaseUnusableError(f"PostgreSQL cannot make its data folder {pgdata}:\n{output.strip()}")
    (pgdata / "pg_hba.conf").write_text(ACCESS)
    with (pgdata / "postgresql.conf").open("a") as configuration:
        configuration.write("\ninclude 'kroniek.conf'\n")


def _new_password() -> str:
    return secrets.token_urlsafe(24)


def _buffers_mb() -> int:
    """Return how much the server keeps in memory: an eighth of the machine's, within bounds.

    The indexes in daily use should fit in it; it is taken from the machine only as it is used.
    """
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return max(MIN_BUFFERS_MB, min(MAX_BUFFERS_MB, memory_mb // 8))


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    for _ in range(_PORT_ATTEMPTS):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise DatabaseUnusableError(
        f"No free port on {HOST} among {_PORT_ATTEMPTS} tried from {PORTS.start} to {PORTS.stop}."
    )
