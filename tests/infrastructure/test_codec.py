"""Stored events are for ever: every one has golden bytes, which are read and written alike by every release."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from application.registry import DECIDERS
from infrastructure.codec import Codec, UnknownEventError
from tests.infrastructure.examples import CODEC, GOLDEN, example, golden


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


def test_no_event_carries_a_national_number() -> None:
    names = {field.name for event in CODEC.classes.values() for field in fields(event)}
    assert "national_number" not in names


def test_a_name_stands_for_one_event_only() -> None:
    first, second = DECIDERS[0], DECIDERS[1]
    taken = next(iter(first.events))
    clash = replace(second, events={taken: next(iter(second.events.values()))})
    with pytest.raises(ValueError, match="two events"):
        Codec([first, clash])


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownEventError, match="unknown"):
        CODEC.decode("unknown.v1", b"{}")
