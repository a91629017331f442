from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from infrastructure.database.migrations import migrate
from infrastructure.postgres.failures import DatabaseUnusableError


def _write(folder: Path, **statements: str) -> None:
    for name, text in statements.items():
        (folder / f"{name.removeprefix('n')}.sql").write_text(text)


def test_applies_every_file_once_in_order(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0002_second="INSERT INTO thing VALUES (2);", n0001_first="CREATE TABLE thing (n int); -- 100 %")
    assert migrate(empty_database_url, tmp_path) == ["0001_first.sql", "0002_second.sql"]
    assert migrate(empty_database_url, tmp_path) == []
    _write(tmp_path, n0003_third="INSERT INTO thing VALUES (3);")
    assert migrate(empty_database_url, tmp_path) == ["0003_third.sql"]
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT n FROM thing ORDER BY n").fetchall() == [(2,), (3,)]


def test_a_file_that_fails_leaves_nothing_behind_and_can_be_mended(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0001_first="CREATE TABLE thing (n int); SELECT nonsense;")
    with pytest.raises(DatabaseUnusableError, match=r"0001_first\.sql failed, and nothing was changed.*nonsense"):
        migrate(empty_database_url, tmp_path)
    _write(tmp_path, n0001_first="CREATE TABLE thing (n int);")
    assert migrate(empty_database_url, tmp_path) == ["0001_first.sql"]


def test_a_file_changed_after_it_was_applied_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0001_first="CREATE TABLE thing (n int);")
    migrate(empty_database_url, tmp_path)
    _write(tmp_path, n0001_first="CREATE TABLE thing (n bigint);", n0002_second="CREATE TABLE other (n int);")
    with pytest.raises(DatabaseUnusableError, match=r"changed after they had been applied: 0001_first\.sql"):
        migrate(empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('other')").fetchone() == (None,)


def test_a_database_of_a_newer_version_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0001_first="SELECT 1;", n0002_second="SELECT 2;")
    migrate(empty_database_url, tmp_path)
    (tmp_path / "0002_second.sql").unlink()
    with pytest.raises(DatabaseUnusableError, match="newer version"):
        migrate(empty_database_url, tmp_path)


def test_a_file_that_comes_too_late_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0002_second="SELECT 2;")
    migrate(empty_database_url, tmp_path)
    _write(tmp_path, n0001_first="SELECT 1;")
    with pytest.raises(DatabaseUnusableError, match="later number"):
        migrate(empty_database_url, tmp_path)


@pytest.mark.parametrize("names", [("first",), ("0001_first", "0001_other"), ("0001_First",)])
def test_misnamed_files_are_refused(empty_database_url: str, tmp_path: Path, names: tuple[str, ...]) -> None:
    _write(tmp_path, **{f"n{name}": "SELECT 1;" for name in names})
    with pytest.raises(DatabaseUnusableError, match="named 0001_what"):
        migrate(empty_database_url, tmp_path)


def test_two_processes_at_once_apply_each_file_once(empty_database_url: str, tmp_path: Path) -> None:
    _write(tmp_path, n0001_first="SELECT pg_sleep(0.2); CREATE TABLE thing (n int);", n0002_second="SELECT 2;")
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty_database_url, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[], [], ["0001_first.sql", "0002_second.sql"]]


def test_our_own_files_make_a_database_that_is_up_to_date(database_url: str) -> None:
    assert migrate(database_url) == []
