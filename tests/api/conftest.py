"""What a module of tests shares: a built world, GraphQL over empty read models, a window of a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.world import Request, World, built_world
from tests.api.world.browser import Window, opened_window
from tests.api.world.examples import examples
from tests.api.world.graph import Graph, graph_over


@pytest.fixture(scope="module")
def world(module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with built_world(tmp_path_factory.mktemp("data"), module_database_url, module_keys_url) as world:
        yield world


@pytest.fixture(scope="module")
def example_of(world: World) -> dict[str, Request]:
    """The example of each command by its intent."""
    return examples(world)


@pytest.fixture
def example(intent: str, example_of: dict[str, Request]) -> Request:
    return example_of[intent]


@pytest.fixture
def nothing_changes(world: World) -> Iterator[None]:
    """What a test asks for is refused, all of it: the platform holds afterwards what it held before."""
    before = world.holdings()
    yield
    assert world.holdings() == before


@pytest.fixture(scope="module")
def window_of_the_module() -> Iterator[Window]:
    with opened_window() as opened:
        yield opened


@pytest.fixture
def window(window_of_the_module: Window) -> Iterator[Window]:
    yield window_of_the_module
    window_of_the_module.leave()


@pytest.fixture(scope="module")
def shared_graph(module_read_models_url: str) -> Iterator[Graph]:
    with graph_over(module_read_models_url) as graph:
        yield graph


@pytest.fixture
def graph(shared_graph: Graph) -> Graph:
    """The endpoint over read models without a row."""
    shared_graph.clear()
    return shared_graph
