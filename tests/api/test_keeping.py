"""The keeper as the platform puts it together: what a process remembers of a person goes too, and `/health` tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.composition import bootstrap
from application.ports import Role
from application.unit_of_work import StateCache
from tests.api.world import Client, in_process
from tests.check_digits import national_number
from tests.infrastructure.read_tables import looked_after, make_read_tables
from tests.waiting import wait_until


def health(caller: Client) -> Any:
    return caller.reads("/health").json()


def erased(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT FROM log.event WHERE name = 'erasure.keys-shredded.v1'").rowcount == 1


def test_what_a_process_remembers_of_a_person_goes_with_them(
    database_url: str, keys_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = StateCache()
    monkeypatch.setattr(bootstrap, "StateCache", lambda: recent)
    with in_process(tmp_path, database_url, keys_url) as platform:
        administrator = platform.caller(Role.ADMINISTRATOR)
        number = national_number(1)
        registered = administrator.does(
            "/persons/national-register-registrations", {"nationalNumber": number, "jurisdiction": "be"}
        )
        assert f"person-{registered['id']}" in recent.states
        administrator.does(f"/persons/{registered['id']}/erasure-orders", {"ground": "objection"})
        wait_until(lambda: erased(database_url), "nobody is erased")
        wait_until(lambda: not recent.states, "the state is not forgotten")


def test_health_tells_of_the_keeper(database_url: str, keys_url: str, tmp_path: Path) -> None:
    make_read_tables(database_url)
    with looked_after(database_url), in_process(tmp_path, database_url, keys_url) as platform:
        administrator = platform.caller(Role.ADMINISTRATOR)
        wait_until(lambda: health(administrator)["keeper"]["led"], "it does not lead")
        wait_until(lambda: health(administrator)["status"] == "pass", "the platform is not well")
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(
                "INSERT INTO keeper.waiting (position, person_id, name, again_at) VALUES"
                " (4711, 'ann', 'identity.person-registered.v1', now() + interval '1 day')"
            )
            owner.execute("UPDATE keeper.progress SET error = 'KeysUnavailableError'")
        told = health(administrator)
        assert told["status"] == "warn"
        assert "the keeper has 1 waiting duty" in told["output"]
        assert "the keeper stands still: KeysUnavailableError" in told["output"]
        assert "ann" not in str(told)
        metrics = administrator.reads("/metrics").text
        assert "kroniek_keeper_waiting_duties 1.0" in metrics


def test_health_warns_where_nobody_keeps(database_url: str, keys_url: str, tmp_path: Path) -> None:
    with in_process(tmp_path, database_url, keys_url, keeper=False) as platform:
        assert "no process keeps: erasures are not carried out" in health(platform.anybody)["output"]
