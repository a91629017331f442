"""Shredding means it: when it is recorded, no file of the server holds the wrapped keys of the person who was erased.

The files are searched at the moment before the record is appended, so that nothing can see it earlier: of both
databases, whatever belongs to a table or to none, and of the journal. Where the search has to find them, it does.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.database.data_folder import KEYS, DataFolder
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.installation import ELSEWHERE, find_installation
from infrastructure.database.migrations import migrate, migrate_keys
from infrastructure.keys.shredding import ShreddingRefusedError
from tests.check_digits import national_number
from tests.infrastructure.erasing import Site, running, site
from tests.infrastructure.keyrings import ANN, BOB, Place, person
from tests.lengths import runs_longer, sized
from tests.waiting import until, wait_until

pytestmark = [pytest.mark.anyio, runs_longer, pytest.mark.timeout(sized(300, long=1_800))]

PEOPLE = sized(40, long=100)
KILLS = sized(3, long=40)
SERVER = "shredding"
SHREDDING_S = 0.4
"""About how long shredding takes here: the server is killed at any moment within."""


@pytest.fixture(scope="module")
def server(open_tmp_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the tests of this file, which they kill."""
    server = EmbeddedPostgres(open_tmp_folder / SERVER)
    server.start()
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET min_wal_size = '64MB'")
        connection.execute("SELECT pg_reload_conf()")
    migrate(server.url)
    migrate_keys(server.addresses.keys)
    yield server
    kill(open_tmp_folder / SERVER)


@dataclass(slots=True)
class Search:
    """Searches the files of a server, and everything below a folder."""

    server: EmbeddedPostgres
    found: list[set[str]] = field(default_factory=list)

    def wrapped(self, *person_ids: str) -> Sequence[bytes]:
        with psycopg.connect(self.server.addresses.keys) as connection:
            rows = connection.execute(
                "SELECT wrapped FROM keys.secret JOIN keys.key USING (key_id) WHERE subject_id = ANY (%s)",
                (list(person_ids),),
            ).fetchall()
        return [bytes(wrapped) for (wrapped,) in rows]

    def in_files(self, keys: Sequence[bytes], folder: Path | None = None) -> set[str]:
        """Return the kinds of files in which one of the keys is found: `base`, `pg_wal` and so on."""
        root = (folder or self._folder()).resolve()
        found = set()
        for path in root.rglob("*"):
            with suppress(FileNotFoundError):  # the server removes files meanwhile
                content = path.read_bytes() if path.is_file() else b""
                if any(key in content or key.hex().encode() in content for key in keys):
                    found.add(path.relative_to(root).parts[0])
        return found

    def _folder(self) -> Path:
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            # What is in memory only is written first: the search shall find it.
            connection.execute("CHECKPOINT")
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        return Path(row[0])


@asynccontextmanager
async def opened(server: EmbeddedPostgres, folder: Path) -> AsyncIterator[Site]:
    async with site(server.url, server.addresses.keys, folder) as here:
        yield here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


async def registered(here: Site, name: str, serials: range) -> Sequence[str]:
    ids = [f"{name}-{serial}" for serial in serials]
    await asyncio.gather(*[here.register(each, national_number(at)) for each, at in zip(ids, serials, strict=True)])
    return ids


async def test_when_shredding_is_recorded_no_file_holds_the_key(server: EmbeddedPostgres, folder: Path) -> None:
    search = Search(server)
    async with opened(server, folder) as here:
        gone, *others = await registered(here, "people", range(1, PEOPLE))
        keys, of_others = search.wrapped(gone), search.wrapped(*others)
        assert len(keys) == 1
        leave_copies(server)
        assert search.in_files(keys) == {"base", "pg_wal"}
        assert {"dump.sql"} == search.in_files(keys, backups(server, folder / "before", dumped_only=True))

        async def write() -> None:
            for serial in range(200, 800):
                await registered(here, "later", range(serial, serial + 1))

        def reach(step: str) -> None:
            if step in {"before shred", "before KeysShredded"}:
                search.found.append(search.in_files(keys))

        writing = asyncio.create_task(write())
        await here.order_erasure(gone)
        async with running(here.engine(reach)):
            await until(lambda: here.erased(gone), "not erased")
        assert not writing.done(), "nobody wrote meanwhile"
        writing.cancel()
        assert search.found == [{"base", "pg_wal"}, set()]
        assert search.in_files(keys, backups(server, folder / "after")) == set()
        assert search.in_files(of_others) == {"base", "pg_wal"}
        assert await here.number_of(others[0]) == national_number(2)


def leave_copies(server: EmbeddedPostgres) -> None:
    """Let values of the keys get wherever the server puts them: into statistics, and into a journal that is reused."""
    with psycopg.connect(server.superuser_url.rpartition("/")[0] + f"/{KEYS}", autocommit=True) as connection:
        connection.execute("ANALYZE keys.secret")
        for _ in range(2):
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def backups(server: EmbeddedPostgres, to: Path, *, dumped_only: bool = False) -> Path:
    """Take a backup of the files and a dump of the keys."""
    programs = find_installation() / "bin"
    to.mkdir()
    commands = [[str(programs / "pg_dump"), f"--file={to / 'dump.sql'}", server.addresses.keys]]
    if not dumped_only:
        url = server.superuser_url
        commands.append([str(programs / "pg_basebackup"), f"--pgdata={to / 'base'}", "--checkpoint=fast", "-d", url])
    for command in commands:
        subprocess.run(command, check=True, timeout=120)
    return to


async def test_whenever_the_server_is_killed_nothing_is_recorded_that_is_not_so(
    server: EmbeddedPostgres, folder: Path, open_tmp_folder: Path
) -> None:
    search, chosen = Search(server), random.Random(16)
    async with opened(server, folder) as here:
        people = await registered(here, "killed", range(800, 800 + KILLS))
    for victim in people:
        async with opened(server, folder) as here:
            keys = search.wrapped(victim)
            recorded: list[set[str]] = []
            reached = asyncio.Event()

            def reach(
                step: str,
                *,
                reached: asyncio.Event = reached,
                keys: Sequence[bytes] = keys,
                to: list[set[str]] = recorded,
            ) -> None:
                if step == "before shred":
                    reached.set()
                if step == "before KeysShredded":
                    to.append(search.in_files(keys))

            await here.order_erasure(victim)
            async with running(here.engine(reach)):
                await reached.wait()
                await asyncio.sleep(chosen.uniform(0, SHREDDING_S))  # elapsed time is what varies
                await asyncio.to_thread(kill, open_tmp_folder / SERVER)
                await asyncio.to_thread(server.start)
                await until(lambda: here.erased(victim), "not erased")  # noqa: B023 - awaited here
            assert recorded
            assert set().union(*recorded) == set()


def kill(folder: Path) -> None:
    """End all processes of the server as `kill -9` does."""
    processes = DataFolder(home=folder, elsewhere=ELSEWHERE).processes
    for process in processes() or ():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: not processes(), "the server lives")


async def test_callers_that_wait_share_one_shredding(keys_url: str, tmp_path: Path) -> None:
    owners = [person(number) for number in range(6)]
    async with Place(keys_url, tmp_path).opened() as keyring:
        await keyring.for_sealing(owners)
        await keyring.destroy(owners)
        await asyncio.gather(*[keyring.shred([owner]) for owner in owners])
    with psycopg.connect(keys_url) as connection:
        times = connection.execute(
            "SELECT DISTINCT shredded_at FROM keys.key WHERE destroyed_at IS NOT NULL"
        ).fetchall()
    assert len(times) <= len(owners)
    assert (None,) not in times


async def test_without_the_rights_nothing_is_shredded_and_the_error_says_what_to_run(
    keys_url: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    here = postgres.superuser_url.rpartition("/")[0] + "/" + keys_url.rpartition("/")[2]
    function = "EXECUTE ON FUNCTION pg_ls_waldir()"
    async with Place(keys_url, tmp_path).opened() as keyring:
        await keyring.for_sealing([ANN, BOB])
        await keyring.destroy([ANN])
        with psycopg.connect(here, autocommit=True) as superuser:
            superuser.execute(sql.SQL("REVOKE {} FROM {}").format(sql.SQL(function), sql.Identifier(KEYS)))
            with pytest.raises(ShreddingRefusedError, match="GRANT EXECUTE ON FUNCTION pg_ls_waldir"):
                await keyring.shred([ANN])
            assert superuser.execute("SELECT count(shredded_at) FROM keys.key").fetchone() == (0,)
            superuser.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(function), sql.Identifier(KEYS)))
        await keyring.shred([ANN])


async def test_while_the_server_holds_its_old_journal_nothing_is_shredded(
    keys_url: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with Place(keys_url, tmp_path).opened() as keyring:
        await keyring.for_sealing([ANN])
        await keyring.destroy([ANN])
        with psycopg.connect(postgres.superuser_url, autocommit=True) as superuser:
            superuser.execute("SELECT pg_create_physical_replication_slot('nobody', true)")
            with pytest.raises(ShreddingRefusedError, match="replication slots"):
                await keyring.shred([ANN])
            superuser.execute("SELECT pg_drop_replication_slot('nobody')")
        await keyring.shred([ANN])
