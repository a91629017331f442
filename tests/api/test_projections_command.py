"""`kroniek projections` as an administrator runs it, beside a running platform and without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.database.embedded import EmbeddedPostgres
from projections.registry import PROJECTIONS
from tests.api.world import as_processes
from tests.forked import environment, kroniek_done

NAMES = [projection.name for projection in PROJECTIONS]


@pytest.fixture(scope="module")
def folder(open_tmp_folder: Path) -> Iterator[Path]:
    """The data folder of a platform with a small history, which runs."""
    folder = open_tmp_folder / "steered"
    with as_processes(environment(KRONIEK_DATA_DIR=str(folder)), "demo", "--scale", "0.001"):
        yield folder


def projections(folder: Path, *arguments: str) -> tuple[int, Any]:
    """Run the command to its end; return its exit code and what it says as JSON."""
    done = kroniek_done(environment(KRONIEK_DATA_DIR=str(folder)), "projections", *arguments, "--json", within_s=60)
    assert done.out, done.err
    return done.code, done.said


def ask(folder: Path, query: str) -> list[Any]:
    with psycopg.connect(EmbeddedPostgres(folder).superuser_url) as superuser:
        return superuser.execute(query.encode()).fetchall()


def change(folder: Path, statement: str) -> None:
    with psycopg.connect(EmbeddedPostgres(folder).superuser_url) as superuser:
        superuser.execute(statement.encode())


def test_the_list_shows_every_read_model_live_and_whole(folder: Path) -> None:
    code, said = projections(folder, "list")
    assert code == 0
    assert {it["name"] for it in said["projections"]} == set(NAMES)
    assert {(it["state"], it["position"], it["lag_events"]) for it in said["projections"]} == {
        ("live", said["position"], 0)
    }


def test_all_are_rebuilt_proven_equal_and_can_be_brought_back(folder: Path) -> None:
    code, said = projections(folder, "rebuild", "--all", "--why", "yearly check")
    assert code == 0
    assert {(it["projection"], it["state"], it["equal"]) for it in said} == {(name, "done", True) for name in NAMES}
    assert ask(folder, "SELECT DISTINCT why FROM read.build") == [("yearly check",)]
    code, (undone,) = projections(folder, "undo", "consents")
    assert (code, undone["outcome"].startswith("undone; in use from position")) == (0, True)
    code, said = projections(folder, "drop", "consents", "--why", "checked")
    assert (code, said["carriedOut"]) == (0, True)
    assert ask(folder, "SELECT to_regclass('read.consents_v2_before')") == [(None,)]
    code, (refused,) = projections(folder, "undo", "consents")
    assert (code, refused["outcome"]) == (5, "there are no rows of before to go back to")


def test_a_row_that_was_changed_by_hand_is_found_and_made_right(folder: Path) -> None:
    assert projections(folder, "verify", "people", "consents")[0] == 0
    (person,) = ask(folder, "SELECT min(person_id) FROM read.people_v2")[0]
    change(folder, f"UPDATE read.people_v2 SET route = 'somehow' WHERE person_id = '{person}'")  # noqa: S608 - ours
    code, (said,) = projections(folder, "verify", "people")
    assert (code, said["equal"]) == (9, False)
    assert f"person_id {person} differs between the rows in use and the rows made anew in route" in said["outcome"]
    code, (said,) = projections(folder, "rebuild", "people")
    assert (code, said["equal"]) == (9, False)
    assert projections(folder, "verify", "people")[0] == 0


def test_rows_are_made_as_they_were_beside_those_in_use(folder: Path) -> None:
    (middle, instant) = ask(folder, "SELECT position, recorded_at FROM log.event WHERE position = log.head() / 2")[0]
    code, (by_position,) = projections(folder, "rebuild", "messages", "--as-of", str(middle))
    assert (code, by_position["position"]) == (0, middle)
    ((rows,),) = ask(folder, f"SELECT count(*) FROM read.messages_v3_at_{middle}")  # noqa: S608 - ours
    name = "mailbox.message-sent.v1"
    sent = f"SELECT count(*) FROM log.event WHERE position <= {middle} AND name = '{name}'"  # noqa: S608 - ours
    assert ask(folder, sent) == [(rows,)]
    assert 0 < rows < ask(folder, "SELECT count(*) FROM read.messages_v3")[0][0]
    code, (by_instant,) = projections(folder, "rebuild", "messages", "--as-of", instant.isoformat())
    last = ask(folder, f"SELECT max(position) FROM log.event WHERE recorded_at = '{instant.isoformat()}'")  # noqa: S608
    assert (code, by_instant["position"]) == (0, last[0][0])


@pytest.mark.parametrize("as_of", ["0", "999999999", "yesterday", "2026-03-01", "1999-01-01T00:00:00+01:00"])
def test_a_moment_without_a_log_is_refused(folder: Path, as_of: str) -> None:
    code, said = projections(folder, "rebuild", "consents", "--as-of", as_of)
    assert code in (2, 5)
    assert "error" in said


def test_a_pause_is_recorded_with_who_and_why_and_holds_until_it_ends(folder: Path) -> None:
    code, said = projections(folder, "pause", "open_rates", "--why", "looking into it")
    assert (code, said["carriedOut"]) == (0, True)
    _, listed = projections(folder, "list")
    (paused,) = [it for it in listed["projections"] if it["state"] == "paused"]
    assert (paused["name"], paused["pause"]["why"]) == ("open_rates", "looking into it")
    recorded = "SELECT name, acting_id FROM log.event WHERE stream = 'projection-open_rates' ORDER BY position"
    assert [name for name, acting in ask(folder, recorded) if acting] == ["projection.paused.v1"]
    assert projections(folder, "pause", "open_rates", "--why", "again")[1]["position"] == 0
    assert projections(folder, "resume", "open_rates", "--why", "seen")[1]["carriedOut"] is True
    _, listed = projections(folder, "list")
    assert [it["name"] for it in listed["projections"] if it["state"] == "paused"] == []


def test_what_is_not_there_and_what_says_too_little_is_refused_and_changes_nothing(folder: Path) -> None:
    before = ask(folder, "SELECT log.head()")
    for code, arguments in (
        (5, ("rebuild", "nonsense")),
        (2, ("rebuild",)),
        (2, ("verify", "consents", "--all")),
        (5, ("pause", "nonsense", "--why", "x")),
        (5, ("parked", "list", "nonsense")),
        (2, ("pause", "consents", "--why", "  ")),
        (2, ("pause", "projection_acts", "--why", "x")),
        (5, ("parked", "skip", "consents", "--position", "1", "--why", "it is not parked")),
        (5, ("parked", "retry", "consents", "--position", "1", "--why", "it is not parked")),
    ):
        assert projections(folder, *arguments)[0] == code, arguments
    assert projections(folder, "parked", "list") == (0, [])
    nothing = {"projection": "consents", "position": 0, "carriedOut": True}
    assert projections(folder, "parked", "retry", "consents", "--why", "nothing is parked") == (0, nothing)
    assert ask(folder, "SELECT log.head()") == before


def test_a_read_model_that_has_stopped_is_freed_of_the_event_at_which_it_stands(folder: Path) -> None:
    stopped = "UPDATE read.checkpoint SET error = 'DiskFull', stands_at = 1 WHERE projection = 'consents'"
    change(folder, stopped)
    assert projections(folder, "parked", "skip", "consents", "--position", "2", "--why", "a later one")[0] == 5
    change(folder, stopped)
    code, said = projections(folder, "parked", "skip", "consents", "--position", "1", "--why", "it stands there")
    assert (code, said["carriedOut"]) == (0, True)
