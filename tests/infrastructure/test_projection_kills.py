"""Read models survive kills of workers, rebuilds, fillers and the server; `make torture` does it for long."""

from __future__ import annotations

from tests.torture.projections import Victim, kill_projections
from tests.torture.server import server

SEED = 20_211_104
"""With this one, some of each kind are to be killed."""
KILLS = 10


def test_rows_are_right_and_readers_see_no_mix_whoever_is_killed() -> None:
    with server() as postgres:
        survived = kill_projections(postgres, SEED, KILLS, print)
    assert not survived.wrong
    assert survived.kills.total() == KILLS
    assert survived.kills[Victim.SERVER]
    assert survived.checks == 1
