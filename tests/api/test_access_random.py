"""Recorded is exactly what was returned: random queries of random callers, held against an oracle.

With `--long` they are ten thousand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import GraphPolicy
from application.ports import Role
from domain.access.access import AccessRecorded
from domain.contexts import DECIDERS
from domain.kernel import Context
from infrastructure.codec import Codec
from tests.api.world.access_queries import Oracle, Pairs, Queries
from tests.api.world.access_rows import NOBODY, ORGANISATIONS, register, rows
from tests.api.world.graph import Graph, graph_over
from tests.api.world.rows import WHY
from tests.lengths import runs_longer, sized
from tests.memory_log import MemoryLog

pytestmark = [runs_longer, pytest.mark.timeout(sized(300, long=1_800))]

CODEC = Codec(DECIDERS)
QUERIES = sized(300, long=10_000)
SEED = 20_221
WIDE = GraphPolicy(limits=Limits(tokens=5_000, depth=12, aliases=500, directives=500, cost=1_000_000))
ROLES = (Role.AUDITOR, Role.AUDITOR, Role.AGENCY, Role.AGENCY, Role.ADMINISTRATOR, Role.SYSTEM)


@pytest.fixture
def graph(read_models_url: str) -> Iterator[Graph]:
    with graph_over(read_models_url, WIDE) as graph:
        asyncio.run(register(graph.log))
        yield graph


@pytest.fixture
def oracle(graph: Graph) -> Oracle:
    written = rows(Random(SEED))
    for table, row in written:
        graph.have(table, row)
    return Oracle(written)


def recorded(log: MemoryLog, since: int) -> Sequence[tuple[Any, Context]]:
    return [(CODEC.decode(it.name, it.payload), it.context) for it in log.rows[since:]]


def pairs_of(events: Sequence[tuple[Any, Context]]) -> Pairs:
    said = [(look.subject_id, it.value) for event, _ in events for look in event.looks for it in look.categories]
    assert len(said) == len(set(said)), "something is recorded twice"
    return set(said)


# A field that is refused before it is resolved ends the answer; graphql-core then leaves its neighbours unasked.
@pytest.mark.filterwarnings("ignore:coroutine '.*_async_resolver' was never awaited:RuntimeWarning")
def test_recorded_is_returned(graph: Graph, oracle: Oracle) -> None:
    random, found, refused = Random(SEED), 0, 0
    queries = Queries(random)
    for number in range(QUERIES):
        asked, role, organisation = queries.make(), random.choice(ROLES), random.choice(ORGANISATIONS)
        before = len(graph.log.rows)
        body = graph.asks(asked.text, role=role, organisation=organisation).body
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        assert codes <= {"role-not-allowed", "session-missing", "not-your-service"}, (asked.text, codes)
        returned = oracle.pairs(asked, body["data"] or {})
        events = recorded(graph.log, before)
        assert pairs_of(events) == returned, (number, role, organisation, asked.text, body)
        for event, context in events:
            assert isinstance(event, AccessRecorded)
            assert (event.on_behalf_of, context.organisation_id) == (organisation, organisation)
            assert (context.acting_id, context.activity) == ("tester", WHY)
        found, refused = found + bool(returned), refused + bool(codes)
    # The test means something: many answers held personal data, and some were refused.
    assert found > QUERIES / 3
    assert refused > QUERIES / 50
    assert NOBODY.encode() not in b"".join(it.payload for it in graph.log.rows)
