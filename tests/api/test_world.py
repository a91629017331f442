"""The test that the page for developers shows is a test, and passes."""

from __future__ import annotations

import inspect
from pathlib import Path

from application.ports import Role
from tests.api.world import Request, World, must_be_refused, organisation

PAGE = Path(__file__).parents[2] / "docs" / "developer.md"


def test_a_number_is_that_of_one_organisation(world: World) -> None:
    world.does("register-organisation", **organisation("first", 720))
    second = Request(intent="register-organisation", role=Role.ADMINISTRATOR, body=organisation("second", 720))
    must_be_refused(world.sends(second), 409, "enterprise-number-taken", second.body)


def test_the_page_shows_how_a_test_of_the_api_reads() -> None:
    assert inspect.getsource(test_a_number_is_that_of_one_organisation) in PAGE.read_text(encoding="utf-8")
