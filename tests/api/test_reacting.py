"""The reactors as the platform runs them: what a process remembers of a person goes too, and `/health` says how far."""

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
from tests.forked import environment, kroniek_done
from tests.infrastructure.read_tables import looked_after, make_read_tables
from tests.waiting import wait_until


def health(caller: Client) -> Any:
    return caller.reads("/health").json()


def led(caller: Client) -> set[str]:
    return {reactor["name"] for reactor in health(caller)["reactors"] if reactor["led"]}


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


def test_health_says_how_far_the_reactors_are(database_url: str, keys_url: str, tmp_path: Path) -> None:
    make_read_tables(database_url)
    with looked_after(database_url), in_process(tmp_path, database_url, keys_url) as platform:
        administrator = platform.caller(Role.ADMINISTRATOR)
        wait_until(lambda: led(administrator) == {"blind-index", "eraser", "invoice-retention"}, "it does not lead")
        wait_until(lambda: health(administrator)["status"] == "pass", "the platform is not well")
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(
                "INSERT INTO reactor.waiting_key (reactor, key, again_at)"
                " VALUES ('eraser', 'ann', now() + interval '1 day')"
            )
            owner.execute("INSERT INTO reactor.waiting_event VALUES ('eraser', 4711, 'ann', 'erasure.requested.v1')")
            owner.execute("UPDATE reactor.progress SET error = 'KeysUnavailableError' WHERE name = 'eraser'")
        told = health(administrator)
        assert told["status"] == "warn"
        assert "the reactor eraser has 1 waiting event" in told["output"]
        assert "the reactor eraser stands still: KeysUnavailableError" in told["output"]
        assert "ann" not in str(told)
        metrics = administrator.reads("/metrics").text
        assert 'kroniek_reactor_waiting_events{reactor="eraser"} 1.0' in metrics


@pytest.mark.usefixtures("durable")
def test_commands_add_a_follower_and_remove_it(database_url: str, keys_url: str, tmp_path: Path) -> None:
    addressed = environment(
        KRONIEK_DATA_DIR=str(tmp_path), KRONIEK_DATABASE_URL=database_url, KRONIEK_KEYS_URL=keys_url
    )
    # An order asks the list of acts, which the worker makes.
    make_read_tables(database_url)
    with looked_after(database_url), in_process(tmp_path, database_url, keys_url):
        for order in ("add", "tests.infrastructure.sample_letter_box:CountLetters"), ("remove", "count-letters"):
            done = kroniek_done(addressed, "reactors", *order, "--why", "tried", "--json", within_s=60)
            assert (done.code, done.said.get("carriedOut")) == (0, True), done.said
        listed = kroniek_done(addressed, "reactors", "list", "--json", within_s=60)
        assert [it["name"] for it in listed.said["reactors"]] == ["blind-index", "eraser", "invoice-retention"]


def test_health_warns_where_no_process_leads(database_url: str, keys_url: str, tmp_path: Path) -> None:
    with in_process(tmp_path, database_url, keys_url, reacting=False) as platform:
        assert "no process leads the reactor eraser" in health(platform.anybody)["output"]
