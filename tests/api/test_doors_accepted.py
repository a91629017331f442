"""Every command has a valid request, and its answer says what it did."""

from __future__ import annotations

import pytest

from tests.api.world import DOOR, Request, World


def test_every_command_has_an_example(example_of: dict[str, Request]) -> None:
    assert example_of.keys() == DOOR.keys()


@pytest.mark.parametrize("intent", DOOR)
def test_it_is_accepted(intent: str, world: World, example_of: dict[str, Request]) -> None:
    answer = world.send(example_of[intent])
    assert answer.is_success, answer.text
