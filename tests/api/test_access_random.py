"""Recorded is exactly what was returned: random queries of random callers, held against an oracle.

With `--long` they are ten thousand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any

import httpx2
import pytest

from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import GraphPolicy
from application.ports import Role
from domain.access.access import AccessRecorded
from domain.contexts import DECIDERS
from domain.kernel import Context
from infrastructure.codec import Codec
from tests.api.world.access_queries import Asked, Oracle, Pairs, Queries
from tests.api.world.access_rows import NOBODY, ORGANISATIONS, Rows, register, rows
from tests.api.world.graph import application
from tests.api.world.rows import WHY, row, rows_of
from tests.lengths import runs_longer, sized
from tests.memory_log import MemoryLog

pytestmark = [pytest.mark.anyio, runs_longer, pytest.mark.timeout(sized(300, long=1_800))]

CODEC = Codec(DECIDERS)
QUERIES = sized(300, long=10_000)
SEED = 20_221
WIDE = GraphPolicy(limits=Limits(tokens=5_000, depth=12, aliases=500, directives=500, cost=1_000_000))
ROLES = (Role.AUDITOR, Role.AUDITOR, Role.AGENCY, Role.AGENCY, Role.ADMINISTRATOR, Role.SYSTEM)


class Asker:
    """Asks the endpoint within this process, and tells what the log was told."""

    def __init__(self, client: httpx2.AsyncClient, log: MemoryLog) -> None:
        self._client = client
        self._log = log
        self._seen = len(log.rows)

    async def ask(self, asked: Asked, role: Role, organisation: str) -> Any:
        headers = {"Authorization": f"Bearer {role.value}:{organisation}", "Processing-Activity": WHY}
        answer = await self._client.post("/graphql", json={"query": asked.text}, headers=headers)
        return answer.json()

    def new(self) -> Sequence[tuple[Any, Context]]:
        """Return what was recorded since the last time."""
        rows, self._seen = self._log.rows[self._seen :], len(self._log.rows)
        return [(CODEC.decode(it.name, it.payload), it.context) for it in rows]

    @property
    def written(self) -> bytes:
        return b"".join(it.payload for it in self._log.rows)


@pytest.fixture
async def asker(read_models_url: str) -> AsyncIterator[tuple[Asker, Oracle]]:
    written = rows(Random(SEED))
    log = MemoryLog(CODEC)
    await register(log)
    app, models = application(read_models_url, WIDE, log)
    fill(read_models_url, written)
    transport = httpx2.ASGITransport(app=app)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://kroniek") as client:
            yield Asker(client, log), Oracle(written)
    finally:
        await models.aclose()


def fill(read_models_url: str, written: Rows) -> None:
    engine = rows_of(read_models_url)
    with engine.begin() as connection:
        for table, given in written:
            connection.execute(table.insert(), [row(table, **given)])
    engine.dispose()


def pairs_of(events: Sequence[tuple[Any, Context]]) -> Pairs:
    said = [(look.subject_id, it.value) for event, _ in events for look in event.looks for it in look.categories]
    assert len(said) == len(set(said)), "something is recorded twice"
    return set(said)


# A field that is refused before it is resolved ends the answer; graphql-core then leaves its neighbours unasked.
@pytest.mark.filterwarnings("ignore:coroutine '.*_async_resolver' was never awaited:RuntimeWarning")
async def test_recorded_is_returned(asker: tuple[Asker, Oracle]) -> None:
    asks, oracle = asker
    random, found, refused = Random(SEED), 0, 0
    queries = Queries(random)
    for number in range(QUERIES):
        asked, role, organisation = queries.make(), random.choice(ROLES), random.choice(ORGANISATIONS)
        body = await asks.ask(asked, role, organisation)
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        assert codes <= {"role-not-allowed", "session-missing", "not-your-service"}, (asked.text, codes)
        returned = oracle.pairs(asked, body["data"] or {})
        events = asks.new()
        assert pairs_of(events) == returned, (number, role, organisation, asked.text, body)
        for event, context in events:
            assert isinstance(event, AccessRecorded)
            assert (event.on_behalf_of, context.organisation_id) == (organisation, organisation)
            assert (context.acting_id, context.activity) == ("tester", WHY)
        found, refused = found + bool(returned), refused + bool(codes)
    # The test means something: many answers held personal data, and some were refused.
    assert found > QUERIES / 3
    assert refused > QUERIES / 50
    assert NOBODY.encode() not in asks.written
