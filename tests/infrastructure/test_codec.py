"""Stored events are for ever: every one has golden bytes, which are read and written alike by every release."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import pytest

from domain.contexts import DECIDERS
from domain.kernel import PersonalText
from infrastructure.codec import Codec, UnknownEventError
from infrastructure.sealing import personal_fields
from tests.infrastructure.examples import CODEC, GOLDEN, OLDER, example, golden


def test_every_event_has_golden_bytes_and_no_stored_name_has_gone() -> None:
    assert {path.name.removesuffix(".json") for path in GOLDEN.iterdir()} == set(CODEC.classes)


@pytest.mark.parametrize("name", sorted(CODEC.classes))
def test_an_event_is_read_from_its_golden_bytes_and_written_as_them(name: str) -> None:
    event = example(CODEC.classes[name])
    stored = golden(name).read_bytes()
    assert CODEC.encode(event) == (name, stored)
    assert CODEC.decode(name, stored) == event


@pytest.mark.parametrize("name", sorted(CODEC.classes))
def test_a_stored_name_is_context_fact_and_version(name: str) -> None:
    context, fact, version = name.split(".")
    assert context.isalpha()
    assert fact == fact.lower()
    assert version == "v1"


@pytest.mark.parametrize("path", sorted(OLDER.iterdir()), ids=lambda path: path.name)
def test_bytes_of_before_a_field_came_or_went_are_still_read(path: Path) -> None:
    """What they have in common with the event of today is read; what came since is empty."""
    name = ".".join(path.name.split(".")[:3])
    event = CODEC.decode(name, path.read_bytes())
    said = json.loads(path.read_bytes())
    new = {field.name: field.default for field in fields(CODEC.classes[name]) if field.name not in said}
    assert event == replace(example(CODEC.classes[name]), **new)
    assert new, "these are the bytes of today"


def test_a_personal_text_is_in_no_field_that_is_not_declared_personal() -> None:
    for event in CODEC.classes.values():
        personal = {field.name for field in personal_fields(event)}
        hints = get_type_hints(event)
        assert {name for name, hint in hints.items() if hint is PersonalText} <= personal, event.__name__
        assert "national_number" not in hints
        assert {field.declared.subject for field in personal_fields(event)} <= hints.keys()


def test_a_name_stands_for_one_event_only() -> None:
    first, second = DECIDERS[0], DECIDERS[1]
    taken = next(iter(first.events))
    clash = replace(second, events={taken: next(iter(second.events.values()))})
    with pytest.raises(ValueError, match="two events"):
        Codec([first, clash])


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownEventError, match="unknown"):
        CODEC.decode("unknown.v1", b"{}")
