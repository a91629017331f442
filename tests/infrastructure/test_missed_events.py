"""Whoever reads the log while it is written misses nothing; over an append without a lock the same readers do.

`make torture` does the same with a million events and more.
"""

from __future__ import annotations

from pathlib import Path

from tests.torture import missed
from tests.torture.reader import FAULTS

SEED = 20_211_103
EVENTS = 20_000


def test_readers_miss_nothing_of_what_many_write(database_url: str, tmp_path: Path) -> None:
    everything, rare = missed.read_along(database_url, SEED, EVENTS, tmp_path, print)
    assert everything["events"] >= EVENTS
    assert rare["events"] > 0
    assert not any(found[fault] for found in (everything, rare) for fault in FAULTS), (everything, rare)


def test_an_append_without_a_lock_is_caught(database_url: str, tmp_path: Path) -> None:
    everything, rare = missed.read_along_broken(database_url, SEED, tmp_path)
    assert everything["noticed"] == 1, "the reader of all events was to refuse to go on over a gap"
    assert rare["missed"] > 0
