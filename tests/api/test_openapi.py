"""The OpenAPI document says what the doors do, and nothing of what they are made of. Random requests: tests/fuzz."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.api.world import World

SIGNATURE = re.compile(r"\w+\([^)]*: '")
ANYWHERE = ("429", "431", "503")
"""What the middleware and the budgets answer, whatever was asked."""

OPEN = ("/livez", "/readyz", "/health", "/metrics")


@pytest.fixture(scope="module", name="document")
def described(world: World) -> Mapping[str, Any]:
    document: Mapping[str, Any] = world.anybody.reads("/openapi.json").json()
    return document


@pytest.mark.parametrize("path", OPEN)
def test_what_anyone_may_look_at_has_the_media_type_that_is_described(
    world: World, document: Mapping[str, Any], path: str
) -> None:
    (media_type,) = document["paths"][path]["get"]["responses"]["200"]["content"]
    assert world.anybody.reads(path).headers["content-type"].partition(";")[0] == media_type


def test_every_door_describes_what_any_request_can_be_answered_with(document: Mapping[str, Any]) -> None:
    operations = {
        f"{method} {path}": operation["responses"].keys()
        for path, described in document["paths"].items()
        for method, operation in described.items()
        if path not in OPEN
    }
    assert {name for name, statuses in operations.items() if not statuses >= set(ANYWHERE)} == set()


def test_the_document_does_not_tell_how_the_doors_are_programmed(world: World) -> None:
    assert SIGNATURE.findall(world.anybody.reads("/openapi.json").text) == []


def test_what_is_refused_is_a_problem_and_has_no_other_form(document: Mapping[str, Any]) -> None:
    refusals = {
        f"{method} {path} {status}": set(response.get("content", ()))
        for path, described in document["paths"].items()
        for method, operation in described.items()
        for status, response in operation["responses"].items()
        if status >= "400" and path not in OPEN
    }
    assert {name for name, types in refusals.items() if types != {"application/problem+json"}} == set()
    assert "HTTPValidationError" not in document["components"].get("schemas", {})
