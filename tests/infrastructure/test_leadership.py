"""One leader for each name: taken over when it ends, vanishes or is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from infrastructure.postgres.connecting import connect_to_lead
from infrastructure.postgres.leadership import Leadership, leaders
from tests.waiting import wait_until


@contextmanager
def contender(url: str, process: str, max_silence_s: float = 60.0) -> Iterator[tuple[psycopg.Connection, Leadership]]:
    with connect_to_lead(url) as connection:
        yield connection, Leadership(connection, process=process, max_silence_s=max_silence_s)


def test_one_process_leads_a_name_and_says_who_it_is(database_url: str) -> None:
    with contender(database_url, "first") as (connection, first), contender(database_url, "second") as (_, second):
        assert leaders(connection) == []
        assert first.acquire("mail")
        assert first.acquire("mail")
        assert not second.acquire("mail")
        assert second.acquire("clock")
        assert [(it.name, it.process) for it in leaders(connection)] == [("clock", "second"), ("mail", "first")]
        first.release("mail")
        assert second.acquire("mail")
        assert [(it.name, it.process) for it in leaders(connection)] == [("clock", "second"), ("mail", "second")]


def test_another_takes_over_from_a_leader_whose_session_ended(database_url: str) -> None:
    with contender(database_url, "second") as (connection, second):
        with contender(database_url, "first") as (_, first):
            assert first.acquire("mail")
            assert not second.acquire("mail")
        wait_until(lambda: second.acquire("mail"), "nobody takes over")
        assert [it.process for it in leaders(connection)] == ["second"]


def test_a_silent_leader_is_replaced_and_one_that_confirms_is_not(database_url: str) -> None:
    with (
        contender(database_url, "first") as (frozen, first),
        contender(database_url, "second", max_silence_s=0.0) as (_, hasty),
        contender(database_url, "third") as (_, patient),
    ):
        assert first.acquire("mail")
        first.confirm()
        assert not patient.acquire("mail")
        assert frozen.execute("SELECT 1").fetchone() == (1,)
        wait_until(lambda: hasty.acquire("mail"), "a silent leader stays")
        with pytest.raises(psycopg.OperationalError):
            first.confirm()
