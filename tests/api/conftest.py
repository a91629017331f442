"""What the tests of the doors share: a built world for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.settings import Settings
from tests.api.examples import examples
from tests.api.world import Request, World


@pytest.fixture(scope="module")
def world(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), log_level="warning")
    world = World(settings, shared_database_url)
    with world.client:
        world.build()
        yield world
    world.close()


@pytest.fixture(scope="module")
def example_of(world: World) -> dict[str, Request]:
    """The example of each command by its intent."""
    return examples(world)
