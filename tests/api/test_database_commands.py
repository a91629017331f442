"""The commands that open the database, for those who run it and for those who only look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.database.embedded import EmbeddedPostgres
from tests.api.world import as_processes
from tests.forked import environment, kroniek_done

pytestmark = pytest.mark.usefixtures("durable")


def run(settings: dict[str, str], *arguments: str) -> tuple[int, Any]:
    """Run a command to its end; return its exit code and what it says as JSON."""
    done = kroniek_done(environment(**settings), *arguments, "--json", within_s=60)
    return done.code, done.said


@pytest.mark.parametrize(("role", "reads_events"), [("auditor", True), ("reader", False)])
def test_a_person_who_only_reads_gets_an_address_with_which_no_more_can_be_done(
    open_tmp_folder: Path, role: str, reads_events: bool
) -> None:
    folder = open_tmp_folder / f"address-{role}"
    code, said = run({"KRONIEK_DATA_DIR": str(folder)}, "address", role)
    assert code == 0
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        with psycopg.connect(said["address"], autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM read.checkpoint").fetchone() == (0,)
            if reads_events:
                assert connection.execute("SELECT count(*) FROM log.event").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT * FROM log.receipt" if reads_events else "SELECT * FROM log.event")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM read.checkpoint")
    finally:
        server.stop()


def test_a_running_platform_meets_the_database_as_writer_projector_and_reader_only(open_tmp_folder: Path) -> None:
    folder = open_tmp_folder / "as-roles"
    settings = {"KRONIEK_DATA_DIR": str(folder)}
    with as_processes(environment(**settings), "demo", "--scale", "0.001") as running:
        assert running.with_token().reads("/dashboard").status_code == 200
        _, issued = run(settings, "token", "--role", "administrator", "--organisation", "kroniek")
        body = {"names": {"nl": "Gemeente Voorbeeld"}, "organisationType": "municipality", "level": "local"}
        body |= {"enterpriseNumber": "0123456749", "jurisdiction": "be"}
        assert "position" in running.with_token(issued["token"]).does("/organisations", body)
        with psycopg.connect(EmbeddedPostgres(folder).superuser_url) as superuser:
            found = superuser.execute(
                "SELECT DISTINCT usename::text FROM pg_stat_activity"
                " WHERE datname = 'kroniek' AND pid <> pg_backend_pid()"
            ).fetchall()
    assert sorted(found) == [("kroniek_projector",), ("kroniek_reader",), ("kroniek_writer",)]


def test_the_logins_of_another_server_are_given_out_by_its_administrator(empty_database_url: str) -> None:
    code, said = run({"KRONIEK_DATABASE_URL": empty_database_url}, "address", "auditor")
    assert code == 3
    assert "administrator" in said["error"]
    assert empty_database_url not in said["error"]


def test_migrating_is_a_step_of_its_own_for_those_who_do_not_know_the_owner(empty_database_url: str) -> None:
    names = ("WRITER", "PROJECTOR", "READER")
    platform = {f"KRONIEK_DATABASE_URL_{name}": empty_database_url for name in names}
    owner = {"KRONIEK_DATABASE_URL": empty_database_url}
    code, said = run(platform, "projections", "list")
    assert (code, "run `kroniek migrate` first" in said["error"]) == (4, True)
    code, said = run(platform, "migrate")
    assert (code, "not set: KRONIEK_DATABASE_URL." in said["error"]) == (4, True)
    code, said = run(owner, "migrate")
    assert (code, said["applied"][:2]) == (0, ["0001_log.sql", "0002_read.sql"])
    code, said = run(platform, "projections", "list")
    assert (code, said["position"]) == (0, 0)
