"""A primary and its synchronous standby, on servers of their own, which may be killed and cut off."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infrastructure.database.data_folder import _free_port
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.installation import (
    ELSEWHERE,
    Account,
    account_for,
    find_installation,
    reachable_installation,
)
from tests.waiting import wait_until

SLOT = "standby_1"
WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Replicated:
    """A primary with its standby. Addresses name both hosts, as the settings of a platform do."""

    primary: EmbeddedPostgres
    standby: Path
    standby_port: int
    account: Account
    programs: Path

    def url(self, database: str) -> str:
        """Return the address of a database, `kroniek` or `kroniek_keys`, as its owner, on whichever host is primary."""
        at_primary = self.primary.url if database == "kroniek" else self.primary.addresses.keys
        login, _, rest = at_primary.partition("@")
        host_and_port, _, name = rest.partition("/")
        return f"{login}@{host_and_port},127.0.0.1:{self.standby_port}/{name}"

    @property
    def standby_url(self) -> str:
        """The address of the log on the standby alone."""
        return make_conninfo(self.primary.url, port=self.standby_port)

    def on_standby(self, statement: str) -> Any:
        """Execute a statement on the standby as its superuser; return the first value."""
        url = make_conninfo(self.primary.superuser_url, port=self.standby_port)
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall()[0][0] if found.description else None

    def on_primary(self, statement: str) -> Any:
        with psycopg.connect(self.primary.superuser_url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall()[0][0] if found.description else None

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Keep the standby from its primary until the block ends."""
        conninfo = sql.Literal(self.on_standby("SHOW primary_conninfo")).as_string()
        self._follow("''")
        try:
            yield
        finally:
            self._follow(conninfo)

    def _follow(self, conninfo: str) -> None:
        self.on_standby(f"ALTER SYSTEM SET primary_conninfo = {conninfo}")
        self.on_standby("SELECT pg_reload_conf()")

    @contextmanager
    def hanging_primary(self) -> Iterator[None]:
        """Let the primary hang until the block ends: it keeps its connections, and does nothing."""
        stopped = self._processes()
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                process.resume()

    def _processes(self) -> list[Any]:
        folder = self.primary._data.pgdata.resolve()  # noqa: SLF001 - nobody else needs to know
        postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
        return [postmaster, *postmaster.children(recursive=True)]

    def kill_primary(self) -> None:
        """Kill every process of the primary, without any notice."""
        for process in self._processes():
            process.send_signal(signal.SIGKILL)
        wait_until(lambda: not self.primary.running(), "the primary lives on")

    def promote(self) -> None:
        self.control("promote")

    def control(self, act: str, *options: str) -> None:
        command = [str(self.programs / "bin" / "pg_ctl"), act, f"--pgdata={self.standby}", "--wait", *options]
        code, output = self.account.run(command, timeout_s=WITHIN_S)
        assert code == 0, output


@contextmanager
def replicated(folder: Path) -> Iterator[Replicated]:
    """Start a primary in a folder that its user can enter, and a standby that commits wait for."""
    primary = EmbeddedPostgres(folder / "primary")
    primary.start()
    account = account_for((folder / "primary" / "pgdata").resolve())
    programs = reachable_installation(find_installation(), account, ELSEWHERE)
    pgdata, port = folder / "standby", _free_port()
    pgdata.mkdir(mode=0o700)
    account.own(pgdata)
    copy = ["--write-recovery-conf", "--create-slot", f"--slot={SLOT}", "--checkpoint=fast", "--wal-method=stream"]
    source = f"--dbname={make_conninfo(primary.superuser_url)}"
    command = [str(programs / "bin" / "pg_basebackup"), f"--pgdata={pgdata}", source, *copy]
    code, output = account.run(command, timeout_s=WITHIN_S)
    assert code == 0, output
    both = Replicated(primary, pgdata, port, account, programs)
    both.control("start", f"--options=-p {port}", f"--log={pgdata / 'start.log'}")
    both.on_primary("ALTER SYSTEM SET synchronous_standby_names = '*'")
    both.on_primary("SELECT pg_reload_conf()")
    try:
        yield both
    finally:
        both.control("stop", "--mode=immediate")
        if primary.running():
            primary.stop()
