"""A document is answered in the same way whether by a plan or by the standard executor, and recorded in the same way.

Documents of all kinds, made at random, of random callers, go to two applications over the same rows. With `--long` they
are seven thousand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random

import pytest
import structlog
from hypothesis import HealthCheck, given, settings, strategies
from hypothesis_graphql import nodes, queries

from api.graph.protocol.schema import GRAPHQL_SCHEMA
from tests.api.world.both_ways import (
    AnswerOfOne,
    BothWays,
    CallerOfBoth,
    Callers,
    Granted,
    both_ways,
    documents_planned,
    granted,
    write_hard_rows,
)
from tests.api.world.random_documents import DAYS, INSTANTS, RandomDocument, RandomDocuments
from tests.lengths import runs_longer, sized

pytestmark = [pytest.mark.anyio, runs_longer, pytest.mark.timeout(sized(300, long=3_600))]

DOCUMENTS = sized(130, long=3_000)
AT_ONCE, GIVEN_UP, BATCHES = 12, 6, sized(4, long=200)
FITTING = sized(40, long=1_000)
SEED = 20_261
SCALARS = {
    "DateTime": strategies.sampled_from(INSTANTS).map(nodes.String),
    "Date": strategies.sampled_from(DAYS).map(nodes.String),
}
PLANNED_AT_LEAST = 0.65
"""Of the documents that are answered without an error."""


@pytest.fixture(scope="module")
def log_with_grants() -> Granted:
    return granted()


@pytest.fixture(scope="module")
def url_of_hard_rows(module_read_models_url: str) -> str:
    write_hard_rows(module_read_models_url, Random(SEED))
    return module_read_models_url


@pytest.fixture
async def both(url_of_hard_rows: str, log_with_grants: Granted) -> AsyncIterator[BothWays]:
    async with both_ways(url_of_hard_rows, log_with_grants) as both:
        yield both


@pytest.fixture(autouse=True)
def no_plan_fails() -> Iterator[None]:
    """See that no plan is given up for a fault of ours: the standard executor would hide it."""
    with structlog.testing.capture_logs() as logs:
        yield
    assert [log for log in logs if log["event"] == "plan_failed"] == []


# A field that is refused before it is resolved ends the answer; graphql-core then leaves its neighbours unasked.
@pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning")
async def test_both_ways_answer_and_record_the_same(both: BothWays, log_with_grants: Granted) -> None:
    random = Random(SEED)
    documents, callers = RandomDocuments(GRAPHQL_SCHEMA, both.samples, random), Callers(random, log_with_grants)
    full = recorded = count = 0
    before = documents_planned()
    for number in range(DOCUMENTS):
        made, caller = documents.make(), callers.make()
        # A plan that was made for one request answers others too.
        for asked in (made, *made.next_times()):
            standard = await must_be_the_same(both, number, asked, caller)
            full, recorded, count = full + standard.is_full, recorded + bool(standard.recorded), count + 1
            caller = random.choice((caller, callers.make()))
    # The test means something: many answers are whole, many are on record, many are not answered as asked.
    assert 0.35 * count < full < 0.9 * count
    assert recorded > 0.1 * count
    assert documents_planned() - before >= PLANNED_AT_LEAST * full


async def test_documents_of_another_maker_are_answered_and_recorded_the_same(
    both: BothWays, log_with_grants: Granted
) -> None:
    """Those of hypothesis-graphql fit the schema in ways of their own; hardly any of their values is in the rows."""
    callers = Callers(Random(SEED), log_with_grants)
    for number, text in enumerate(fitting_documents()):
        await must_be_the_same(both, number, RandomDocument(text, None), callers.make())


async def test_answers_are_the_same_when_many_ask_at_once_and_some_go_away(
    both: BothWays, log_with_grants: Granted
) -> None:
    random = Random(SEED + 1)
    documents, callers = (
        RandomDocuments(GRAPHQL_SCHEMA, both.samples, random, wrong=0),
        Callers(random, log_with_grants),
    )
    for _ in range(BATCHES):
        asked = [(documents.make(), callers.make()) for _ in range(AT_ONCE + GIVEN_UP)]
        pairs = await both.ask_at_once(asked[GIVEN_UP:], asked[:GIVEN_UP])
        for number, ((document, caller), (planned, standard)) in enumerate(zip(asked[GIVEN_UP:], pairs, strict=True)):
            # Where fields fail, which of them do depends on what else is read.
            if planned.is_full or standard.is_full:
                assert planned == standard, difference(number, document, caller, planned, standard)


def fitting_documents() -> Sequence[str]:
    made: list[str] = []

    @settings(
        max_examples=FITTING, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(queries(GRAPHQL_SCHEMA, custom_scalars=SCALARS))
    def make(document: str) -> None:
        made.append(document)

    make()
    return made


async def must_be_the_same(both: BothWays, number: int, asked: RandomDocument, caller: CallerOfBoth) -> AnswerOfOne:
    """Return the standard answer."""
    planned, standard = await both.ask(asked, caller)
    if planned != standard:
        timing = await both.is_timing(asked, caller, planned)
        assert timing, difference(number, asked, caller, planned, standard)
    return standard


def difference(
    number: int, asked: RandomDocument, caller: CallerOfBoth, planned: AnswerOfOne, standard: AnswerOfOne
) -> str:
    return "\n".join((f"document {number} of {caller}", f"{asked}", f"planned: {planned}", f"standard: {standard}"))
