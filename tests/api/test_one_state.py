"""An answer is read from one state of the rows, whoever writes meanwhile; who finds no turn is told to ask again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.composition.error_answers import answer_errors
from api.graph.protocol.endpoint import OPEN
from api.web.middleware import RequestMiddleware
from api.web.request_reads import RequestReads
from application.fair_turns import BusyError
from application.ports import Role
from infrastructure.database.addresses import Addresses
from infrastructure.read_models.reading import ReadModels
from projections import accesses, organisations
from projections.registry import PROJECTIONS
from projections.row_security import Viewer
from tests.api.world import World, over
from tests.api.world.graph import Graph, graph_over, nodes
from tests.api.world.rows import row, rows_of
from tests.infrastructure.read_tables import make_read_tables
from tests.infrastructure.sessions import until_running
from tests.lengths import sized

TIMES = sized(100, long=300)
WHY = "https://register.example/activities/own-data"


WAYS = {"planned": OPEN, "standard": replace(OPEN, planned=False)}


@pytest.fixture(params=WAYS)
def graph(read_models_url: str, request: pytest.FixtureRequest) -> Iterator[Graph]:
    """The endpoint, which answers by plans or with the standard executor."""
    with graph_over(read_models_url, WAYS[request.param]) as graph:
        yield graph


@contextmanager
def writing(write: Callable[[int], None]) -> Iterator[None]:
    """Write without a pause, in a thread."""
    done = threading.Event()

    def go_on() -> None:
        for number in count():
            if done.is_set():
                return
            write(number)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


DOCUMENT = """{
    organisations(first: 100) { totalCount edges { node { id } } }
    again: organisations(first: 100) { totalCount edges { node { id } } }
}"""


def test_totals_and_rows_of_a_document_agree_while_somebody_writes(graph: Graph, read_models_url: str) -> None:
    table = organisations.Row.table
    engine = rows_of(read_models_url)

    def write(number: int) -> None:
        with engine.begin() as connection:
            if not number % 40:
                connection.execute(table.delete())
            connection.execute(table.insert(), [row(table, organisation_id=f"org-{number}", name_en="Org")])

    with writing(write):
        for _ in range(TIMES):
            data = graph.asks(DOCUMENT).data
            totals = {data[name]["totalCount"] for name in ("organisations", "again")}
            assert totals == {len(nodes(data[name])) for name in ("organisations", "again")}
            assert nodes(data["organisations"]) == nodes(data["again"])
    engine.dispose()


def test_what_fails_of_a_document_leaves_the_rest_in_the_same_state(graph: Graph) -> None:
    graph.have(organisations.Row.table, {"organisation_id": "org", "name_en": "Org"})
    answer = graph.asks("""{
        before: organisations { totalCount }
        wrong: organisation(id: "a\\u0000b") { id }
        after: organisations { totalCount }
    }""")
    assert answer.codes == ["invalid-value"]
    assert answer.body["data"] == {"before": {"totalCount": 1}, "wrong": None, "after": {"totalCount": 1}}


@pytest.mark.anyio
async def test_one_that_is_cancelled_leaves_the_state_to_the_others(read_models_url: str) -> None:
    models = ReadModels(Addresses.at(read_models_url).reader, PROJECTIONS)
    states: list[object] = []

    @asynccontextmanager
    async def counted(organisation_id: str) -> AsyncIterator[AsyncConnection]:
        async with models.state(organisation_id) as connection:
            states.append(connection)
            yield connection

    slow, quick = (select(func.count()).where(text(f"pg_sleep({seconds}) IS NOT NULL")) for seconds in (0.5, 0))
    viewer = Viewer(role="auditor")
    async with RequestReads(counted, "org-a") as reads:
        first, second = (asyncio.create_task(reads.rows(query, viewer)) for query in (slow, quick))
        await until_running(read_models_url, "pg_sleep")
        first.cancel()
        assert len(await second) == 1
    assert len(states) == 1
    async with RequestReads(counted, "org-a") as reads:
        given_up = asyncio.create_task(reads.rows(select(func.count()).where(text("pg_sleep(60) IS NULL")), viewer))
        await until_running(read_models_url, "pg_sleep")
    with pytest.raises(asyncio.CancelledError):
        await given_up
    async with models.state("org-a") as connection:
        assert (await connection.execute(select(func.count()))).scalar_one() == 1
    await models.aclose()


def test_a_person_is_told_of_as_many_usages_as_are_counted(world: World, module_database_url: str) -> None:
    make_read_tables(module_database_url)
    table, engine = accesses.Row.table, rows_of(module_database_url)

    def write(number: int) -> None:
        access: dict[str, Any] = {"subject_id": world.id["ann"], "organisation_id": world.id["sender"]}
        access |= {"access_id": f"access-{number}", "category": "messages"}
        with engine.begin() as connection:
            if not number % 50:
                connection.execute(table.delete())
            connection.execute(table.insert(), [row(table, **access, accessed_at=world.clock.now - timedelta(days=1))])

    provider = world.caller(Role.AGENCY, "provider", activity=WHY)
    with writing(write):
        for _ in range(TIMES):
            answer = provider.reads("/findUsage", {"Session-Id": world.id["ann.session"]})
            assert answer.status_code == 200, answer.text
            said = answer.json()
            assert said["totalUsages"] == said["returnedUsages"] == len(said["dataResponses"])
    engine.dispose()


# --- Busy -----------------------------------------------------------------------------------------------------------


class NoTurns:
    def of(self, _organisation_id: str) -> AbstractAsyncContextManager[None]:
        return self._never()

    @asynccontextmanager
    async def _never(self) -> Any:
        raise BusyError(7)
        yield


@pytest.mark.parametrize(
    "document", ["{ organisations { totalCount } }", '{ figures(jurisdiction: BE, period: "2021") { __typename } }']
)
def test_a_query_that_finds_no_turn_is_busy_as_a_whole(graph: Graph, document: str) -> None:
    graph.models.turns = graph.models.read_statements.turns = NoTurns()
    answer = graph.asks(document, role=Role.AGENCY)
    assert (answer.status, answer.codes, answer.headers["retry-after"]) == (503, ["busy"], "7")
    assert "data" not in answer.body


@pytest.mark.parametrize(("error", "after"), [(BusyError(4), "4"), (PoolTimeoutError(), "1")], ids=["turn", "pool"])
def test_every_door_answers_busy(error: Exception, after: str) -> None:
    app = FastAPI()
    app.add_middleware(RequestMiddleware)
    answer_errors(app)

    @app.get("/")
    async def read() -> None:
        raise error

    answer = over(app, masked=True).reads("/")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:problem-type:kroniek:busy")
    assert answer.headers["retry-after"] == after


def test_sessions_that_the_database_ended_are_replaced_before_anybody_notices(
    graph: Graph, read_models_url: str
) -> None:

    for _ in range(3):
        assert graph.asks("{ organisations { totalCount } }").data == {"organisations": {"totalCount": 0}}
        with psycopg.connect(read_models_url, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
