"""Drives doors with random cases from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from httpx2 import Response
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.api.world import World
from tests.fuzz.elsewhere import PATHS, Elsewhere
from tests.fuzz.findings import Findings, Sent
from tests.fuzz.graph import Graph
from tests.fuzz.promises import code_of
from tests.fuzz.rest import Rest

ROUNDS = 3
"""How often ways are gone through again, where some had fewer different cases than their share."""

Send = Callable[[Any], tuple[Sent, Response, Iterator[str]]]
Way = tuple[st.SearchStrategy[Any], Send]


Heard = Callable[[int], None]
"""Is told how many cases were sent so far."""


def _nobody(_cases: int) -> None:
    """Hear nothing."""


def fuzz(world: World, number: int, first: int, heard: Heard = _nobody) -> Findings:
    """Send so many cases, half of them to the doors and half of them documents; the same ones for the same seed."""
    findings = Findings()
    rest, elsewhere, graph = Rest(world), Elsewhere(world), Graph(world)
    doors: list[Way] = [(way, rest.send) for door in rest.doors for way in rest.wishes(door)]
    others: list[Way] = [(elsewhere.calls(path), elsewhere.send) for path in PATHS]
    fields: list[Way] = [(way, graph.send) for root in graph.fields for way in graph.questions(root)]
    of_others = number // 20
    for ways, share in ((doors, number // 2 - of_others), (others, of_others), (fields, number - number // 2)):
        _go_through(ways, share, first, findings, heard)
    return findings


def _go_through(ways: Sequence[Way], number: int, first: int, findings: Findings, heard: Heard) -> None:
    until = findings.cases + number
    for again in range(ROUNDS):
        shared, more = divmod(until - findings.cases, len(ways))
        for place, (cases, send) in enumerate(ways):
            # Where there are fewer cases than ways, they are spread over all of them.
            of_this = shared + (place * more // len(ways) < (place + 1) * more // len(ways))
            if of_this:
                _drive(cases, of_this, first + place + again * len(ways), _noting(send, findings))
            heard(findings.cases)


def _noting(send: Send, findings: Findings) -> Callable[[Any], None]:
    def note(case: Any) -> None:
        sent, answer, wrong = send(case)
        findings.note(sent, answer.status_code, code_of(answer), wrong, answer.text)

    return note


def _drive(cases: st.SearchStrategy[Any], number: int, first: int, note: Callable[[Any], None]) -> None:
    @seed(first)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        note(case)

    run()
