"""Reading one's own write: a query waits for the read models that it uses, and says where they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from api.web.door_bounds import Bounds
from application.ports import Role
from projections import consents, organisations, services
from tests.api.world import Client, in_process, must_be_refused
from tests.api.world.graph import POSITION, Graph, graph_over
from tests.infrastructure.read_tables import make_read_tables
from tests.waiting import wait_until

CONSENTS = "{ consents { totalCount } }"
FIGURES = '{ figures(jurisdiction: BE, period: "2022-03") { value provenance { position } } }'
NEXT = {"X-Position": str(POSITION + 1)}
HASTE = Bounds(own_write_wait_s=0.2)


@pytest.fixture(name="own")
def graph_of_its_own(read_models_url: str) -> Iterator[Graph]:
    with graph_over(read_models_url) as graph:
        yield graph


@pytest.fixture
def hasty(read_models_url: str) -> Iterator[Graph]:
    with graph_over(read_models_url, bounds=HASTE) as graph:
        yield graph


@pytest.fixture
def owner(read_models_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(read_models_url, autocommit=True) as connection:
        yield connection


def move(owner: psycopg.Connection, position: int, *names: str) -> None:
    statement = "UPDATE read.checkpoint SET position = %s WHERE projection = ANY (%s)"
    owner.execute(statement, (position, list(names)))


def used(graph: Graph, query: str, **headers: str) -> list[str]:
    return [it["name"] for it in graph.asks(query, headers=headers).body["extensions"]["readModels"]]


# --- What an answer stands on ---------------------------------------------------------------------------------------


def test_an_answer_names_the_read_models_that_it_used(graph: Graph) -> None:
    graph.have(organisations.Row.table, {"organisation_id": "o"})
    graph.have(services.Row.table, {"service_id": "s", "organisation_id": "o"})
    assert used(graph, "{ __typename }") == []
    assert used(graph, CONSENTS) == ["consents"]
    both = "{ organisations { edges { node { services { serviceId: id } } } } }"
    assert used(graph, both) == ["organisations", "services"]
    assert "open_rates" in used(graph, FIGURES)
    assert "keys" not in used(graph, FIGURES)


def test_who_sees_a_row_is_decided_by_the_row_itself(graph: Graph) -> None:
    answer = graph.asks("{ mailboxes { totalCount } }", role=Role.AGENCY)
    assert [it["name"] for it in answer.body["extensions"]["readModels"]] == ["mailboxes"]


def test_the_position_is_the_least_of_what_was_used(own: Graph, owner: psycopg.Connection) -> None:
    move(owner, 7, "open_rates")
    move(owner, 9, "consents")
    assert own.asks(CONSENTS).body["extensions"] == {
        "position": 9,
        "readModels": [
            {"name": "consents", "version": consents.READ_MODEL.version, "position": 9, "lagEvents": 0, "lagS": 0.0}
        ],
        "cost": {"requested": 11, "most": 5_000},
    }
    nothing = {"position": 7, "readModels": [], "cost": {"requested": 0, "most": 5_000}}
    assert own.asks("{ __typename }").body["extensions"] == nothing
    figures = own.asks(FIGURES)
    assert figures.body["extensions"]["position"] == 7
    assert {it["provenance"]["position"] for it in figures.data["figures"]} == {7}


def test_without_a_wish_the_places_are_read_once(graph: Graph) -> None:
    graph.asks(CONSENTS)
    graph.queries.clear()
    graph.asks("{ consents { totalCount edges { node { id } } } organisations { totalCount } }")
    assert reads_of_places(graph) == 1


# --- Waiting --------------------------------------------------------------------------------------------------------


def test_only_what_the_query_uses_is_waited_for(own: Graph, owner: psycopg.Connection) -> None:
    move(owner, POSITION + 1, "consents")
    started = time.monotonic()
    assert own.asks(CONSENTS, headers=NEXT).status == 200
    assert own.asks("{ __typename }", headers=NEXT).status == 200
    assert time.monotonic() - started < 1


def test_a_query_goes_on_as_soon_as_its_read_models_are_there(own: Graph, read_models_url: str) -> None:
    own.queries.clear()

    def arrive() -> None:
        wait_until(lambda: reads_of_places(own) > 1, "the query does not wait")
        with psycopg.connect(read_models_url, autocommit=True) as connection:
            move(connection, POSITION + 1, "consents")

    late = threading.Thread(target=arrive)
    late.start()
    answer = own.asks(CONSENTS, headers=NEXT)
    late.join()
    assert answer.status == 200
    assert answer.body["extensions"]["position"] == POSITION + 1


@pytest.mark.parametrize("query", [CONSENTS, FIGURES, "{ consents { totalCount } organisations { totalCount } }"])
def test_one_wait_is_bounded_however_much_is_asked(query: str, hasty: Graph) -> None:
    started = time.monotonic()
    answer = hasty.asks(query, headers=NEXT)
    assert (answer.status, answer.codes, answer.headers["retry-after"]) == (503, ["not-yet-projected"], "1")
    assert "data" not in answer.body
    assert time.monotonic() - started < 2


# --- Being built ----------------------------------------------------------------------------------------------------


def reads_of_places(graph: Graph) -> int:
    return sum("read.checkpoint" in it for it in graph.queries)


def being_built(owner: psycopg.Connection, name: str) -> None:
    owner.execute("DELETE FROM read.checkpoint WHERE projection = %s", (name,))


@pytest.mark.parametrize("headers", [{}, NEXT])
def test_what_has_no_rows_yet_is_not_shown_as_empty(
    headers: dict[str, str], hasty: Graph, owner: psycopg.Connection
) -> None:
    being_built(owner, "consents")
    move(owner, POSITION + 1, "organisations")
    answer = hasty.asks(CONSENTS, headers=headers)
    assert (answer.status, answer.codes, answer.headers["retry-after"]) == (503, ["read-model-building"], "10")
    assert "consents" in answer.body["errors"][0]["message"]
    assert hasty.asks(FIGURES, headers=headers).codes == ["read-model-building"]
    assert hasty.asks("{ organisations { totalCount } }", headers=headers).status == 200


def test_a_query_that_names_its_write_waits_for_first_rows_and_another_does_not(
    own: Graph, owner: psycopg.Connection, read_models_url: str
) -> None:
    being_built(owner, "consents")
    own.queries.clear()
    assert own.asks(CONSENTS).codes == ["read-model-building"]
    assert reads_of_places(own) == 1
    own.queries.clear()

    def take_in_use() -> None:
        wait_until(lambda: reads_of_places(own) > 1, "the query does not wait")
        with psycopg.connect(read_models_url, autocommit=True) as connection:
            taken_up = "INSERT INTO read.checkpoint (projection, version, position) VALUES ('consents', %s, %s)"
            connection.execute(taken_up, (consents.READ_MODEL.version, POSITION + 1))

    late = threading.Thread(target=take_in_use)
    late.start()
    answer = own.asks(CONSENTS, headers=NEXT)
    late.join()
    assert (answer.status, answer.body["extensions"]["position"]) == (200, POSITION + 1)


def test_a_table_that_is_gone_is_no_error_of_ours(own: Graph, owner: psycopg.Connection) -> None:
    owner.execute(f"DROP TABLE read.{consents.Row.table.name}".encode())
    answer = own.asks(CONSENTS)
    assert (answer.status, answer.codes) == (503, ["read-model-building"])
    answer = own.asks(FIGURES)
    assert (answer.status, answer.codes) == (503, ["read-model-building"])


# --- The dashboard --------------------------------------------------------------------------------------------------

PAGE = "/dashboard/en"
TABLE = "/dashboard/en/figures/messages-sent.csv"


@contextmanager
def dashboard(url: str, keys_url: str, folder: Path) -> Iterator[tuple[Client, psycopg.Connection]]:
    with (
        in_process(folder, url, keys_url, bounds=HASTE) as platform,
        psycopg.connect(url, autocommit=True) as owner,
    ):
        yield platform.anybody, owner


@pytest.mark.parametrize("address", [PAGE, TABLE])
def test_figures_that_are_being_made_are_not_shown_as_none(
    address: str, database_url: str, keys_url: str, tmp_path: Path
) -> None:
    with dashboard(database_url, keys_url, tmp_path) as (anybody, owner):
        answer = anybody.reads(address)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        if address == TABLE:
            must_be_refused(answer, 503, "read-model-building")
            answer = anybody.reads(address, {"Accept": "text/html"})
        assert "The figures are still being made" in answer.text
        must_be_refused(anybody.reads(address, NEXT), 503, "read-model-building")
        make_read_tables(database_url, position=POSITION)
        assert anybody.reads(address).status_code == 200
        being_built(owner, "keys")
        assert anybody.reads(address).status_code == 200


@pytest.mark.parametrize("address", [PAGE, TABLE])
def test_figures_wait_for_ones_own_write(address: str, read_models_url: str, keys_url: str, tmp_path: Path) -> None:
    with dashboard(read_models_url, keys_url, tmp_path) as (anybody, owner):
        owner.execute("UPDATE read.checkpoint SET position = %s", (POSITION,))
        must_be_refused(anybody.reads(address, NEXT), 503, "not-yet-projected")
        must_be_refused(anybody.reads(address, {"X-Position": "x"}), 400, "invalid-position")
        owner.execute("UPDATE read.checkpoint SET position = %s WHERE projection <> 'keys'", (POSITION + 1,))
        assert anybody.reads(address, NEXT).status_code == 200
