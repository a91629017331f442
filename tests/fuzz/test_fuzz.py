"""Some hundreds of random requests, the same ones in every run; `python -m tests.fuzz` sends ten thousand others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.rest.command_route import camel_path
from api.rest.command_routes import COMMAND_ROUTES
from tests.api.world import World
from tests.fuzz.driving import fuzz
from tests.fuzz.findings import Findings
from tests.fuzz.fuzzed import fuzzed_world

CASES = 600
SEED = 1


@pytest.fixture(scope="module", name="world")
def fuzzed(module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        structlog.testing.capture_logs(),  # a line for each request is no news
        fuzzed_world(module_database_url, module_keys_url, tmp_path_factory.mktemp("fuzz")) as world,
    ):
        yield world


@pytest.fixture(scope="module", name="findings")
def found(world: World) -> Findings:
    return fuzz(world, CASES, SEED)


def test_nothing_is_wrong_with_any_answer(findings: Findings) -> None:
    assert not findings.faults, "\n".join(findings.lines())
    assert findings.cases >= CASES


def test_every_door_and_every_root_field_was_tried(findings: Findings) -> None:
    doors = {f"POST {camel_path(route.path)}" for route in COMMAND_ROUTES}
    query = GRAPHQL_SCHEMA.query_type
    assert query is not None
    assert findings.doors.keys() >= doors | {f"Query.{name}" for name in query.fields}


def test_requests_reach_what_decides_and_not_only_what_checks(findings: Findings) -> None:
    statuses = {status for _, status in findings.answered}
    assert statuses >= {200, 201, 400, 401, 403, 404, 422}
    assert findings.answered["graphql, valid", 200] > CASES // 20
