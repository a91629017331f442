"""Gathering says what a decision reads and what is missing for it, and changes nothing but its result."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

from application.gathering import Versioned, gather
from application.unit_of_work import UnitOfWork
from infrastructure.codec import Codec
from tests.infrastructure.sample_counter import DECIDER, RULES, CounterRaised, raise_counter
from tests.memory_log import MemoryLog

LIMITED = raise_counter("a", limit_from="limit")
LIMIT = {"counter-limit": Versioned(1, DECIDER.fold([CounterRaised(amount=3)]))}


def unit_with(states: Mapping[str, Versioned]) -> UnitOfWork:
    return UnitOfWork(MemoryLog(Codec([DECIDER])), states=dict(states))


def test_a_state_that_is_not_loaded_is_missing() -> None:
    gathered = gather(LIMITED, RULES, unit_with({}))
    assert not gathered.complete
    assert (gathered.stream, set(gathered.fact_streams), set(gathered.missing)) == (
        "counter-a",
        {"counter-limit"},
        {"counter-limit"},
    )


def test_facts_of_loaded_states_are_filled_in() -> None:
    gathered = gather(LIMITED, RULES, unit_with(LIMIT))
    assert gathered.complete
    assert gathered.enriched.command == replace(LIMITED, limit=3)


def test_a_command_without_facts_reads_no_other_stream() -> None:
    gathered = gather(raise_counter("a"), RULES, unit_with({}))
    assert (gathered.complete, gathered.fact_streams) == (True, frozenset())


def test_nothing_is_changed_by_it() -> None:
    unit = unit_with(LIMIT)
    before = deepcopy((unit.states, unit.older, unit.positions, unit.advanced))
    gather(LIMITED, RULES, unit)
    gather(raise_counter("b", limit_from="elsewhere"), RULES, unit)
    assert (unit.states, unit.older, unit.positions, unit.advanced) == before
