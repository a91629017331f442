"""Nothing is skipped, doubled or out of order, whoever is killed; a key that fails or hangs delays no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lengths import runs_longer, sized
from tests.torture.reactors import kill_leaders, kill_servers, live_for
from tests.torture.server import Server, server

pytestmark = [runs_longer, pytest.mark.timeout(sized(300, long=3_600))]

SEED = 20_260_112
LEADERS, SERVERS, SECONDS = sized(6, long=1_000), sized(1, long=200), sized(3, long=120)
"""How many leaders and servers are killed. With pauses 1,500 times shorter, 3 seconds are more than an hour."""

MAX_DELAY_S = 1.0


@pytest.fixture(name="postgres", scope="module")
def _postgres() -> Iterator[Server]:
    """A server of these tests' own: it is killed."""
    with server() as made:
        yield made


def test_effects_on_the_log_happen_once_and_in_order_whichever_leader_is_killed(postgres: Server) -> None:
    check = kill_leaders(postgres, SEED, LEADERS, print)
    assert check.events > LEADERS
    assert check.sound, check


def test_effects_on_the_log_happen_once_and_in_order_when_the_server_is_killed(postgres: Server) -> None:
    check = kill_servers(postgres, SEED, SERVERS, print)
    assert check.events > SERVERS
    assert check.sound, check


def test_a_key_that_fails_for_an_hour_and_one_that_hangs_delay_no_other(postgres: Server) -> None:
    check = live_for(postgres, SECONDS, print)
    assert check.sound, check
    assert check.delay_s(0.99) <= MAX_DELAY_S, check
