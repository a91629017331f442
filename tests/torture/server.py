"""A PostgreSQL server to be killed: all of it, its head, or any one of its processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from infrastructure.database.data_folder import DataFolder
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.installation import ELSEWHERE
from infrastructure.database.migrations import migrate

ANSWERS_WITHIN_S = 120
CONNECT_TIMEOUT_S = 10
_PAUSE_S = 0.02
_MAX_ROUNDS = 500


@dataclass(slots=True)
class Server:
    """The server of one folder, and the databases that were made on it."""

    folder: Path
    postgres: EmbeddedPostgres = field(init=False)
    data: DataFolder = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.postgres = EmbeddedPostgres(self.folder)
        self.data = DataFolder(home=self.folder.absolute(), elsewhere=ELSEWHERE)

    def new_log(self) -> str:
        """Make a database with an empty log in it, the last one goes; return its address, as the role that owns it.

        After a crash the server syncs every file that it has: with many databases, every kill would take long.
        """
        number = next(self._numbers)
        name = f"torture_{number}"
        with self.superuser() as connection:
            former = sql.Identifier(f"torture_{number - 1}")
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(former))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER kroniek").format(sql.Identifier(name)))
        url = self.postgres.url.rpartition("/")[0] + "/" + name
        migrate(url)
        return url

    @contextlib.contextmanager
    def superuser(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            self.postgres.superuser_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        ) as connection:
            yield connection

    # --- Killing ----------------------------------------------------------------------------------------------------

    def kill(self, chance: random.Random) -> None:
        """Kill all of it, its head or any one of its other processes; return when the server answers again."""
        chance.choice((self.kill_all, self._kill_head, lambda: self._kill_one(chance)))()
        self.start()

    def start(self) -> None:
        """Start the server, or wait for it where it is starting again by itself."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            try:
                self.postgres.start()
            except psycopg.OperationalError:
                # It has answered, and then fell over the process that was killed: it comes back by itself.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def kill_all(self) -> None:
        """Kill every process of the server: what it had not handed to the system is gone."""
        for _ in range(_MAX_ROUNDS):
            if not (left := self._processes()):
                return
            for process in sorted(left):
                _kill(process)
            time.sleep(_PAUSE_S)
        raise AssertionError(f"processes of the server cannot be killed: {sorted(left)}")

    def _kill_head(self) -> None:
        """Kill the process that all others come from; they find out by themselves, and end."""
        _kill(self._head())

    def _kill_one(self, chance: random.Random) -> None:
        """Kill any process but the head, which then ends all others and recovers."""
        _kill(chance.choice(sorted(self._processes() - {self._head()})))

    def _head(self) -> int:
        return int((self.data.pgdata / "postmaster.pid").read_text().split()[0])

    def _processes(self) -> frozenset[int]:
        processes = self.data.processes()
        assert processes is not None, "the torture needs /proc to find the processes of the server"
        return processes


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Give a server of its own in a new folder, which its ordinary user can enter; both go at the end."""
    with tempfile.TemporaryDirectory(prefix="kroniek-torture-") as folder:
        Path(folder).chmod(0o755)
        made = Server(Path(folder) / "server")
        made.start()
        try:
            yield made
        finally:
            made.kill_all()  # faster than a stop, and nobody wants what it holds
            made.postgres.stop()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
