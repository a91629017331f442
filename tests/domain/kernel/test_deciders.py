"""Deciders as data: each rule takes its own command, and an event that names an id lies in the stream of that id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from inspect import get_annotations
from typing import get_args, get_type_hints

import pytest

from domain.consent import CONSENT, WithdrawConsent
from domain.contexts import DECIDERS
from domain.kernel import AnyDecider, Command
from domain.mailbox.message.model import MessageExpired
from domain.mailbox.message.rules import MESSAGE
from tests.domain.test_consent import GRANTED

RULES = [(command, rule) for decider in DECIDERS for command, rule in decider.rules.items()]
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(("command", "rule"), RULES, ids=[command.__name__ for command, _ in RULES])
def test_each_rule_takes_the_command_that_it_stands_for(
    command: type[Command], rule: Callable[..., Sequence[object]]
) -> None:
    first = next(iter(get_annotations(rule)))
    taken = get_type_hints(rule)[first]
    assert issubclass(command, get_args(taken) or taken)


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: decider.category)
def test_every_command_has_the_fields_that_make_the_id(decider: AnyDecider) -> None:
    for command in decider.rules:
        assert set(decider.key) <= {field.name for field in fields(command)}


def test_an_id_of_several_fields_is_joined_by_dots() -> None:
    wish = WithdrawConsent(at=AT, by="provider-1", person_id="p1", provider_id="provider-1", session_id="s1")
    assert CONSENT.stream(CONSENT.aggregate_id(wish)) == "consent-p1.provider-1"


def test_an_event_that_names_an_aggregate_is_of_its_stream_only() -> None:
    stream = CONSENT.stream(f"{GRANTED.person_id}.{GRANTED.provider_id}")
    assert CONSENT.is_of(GRANTED, stream)
    assert not CONSENT.is_of(replace(GRANTED, person_id="another"), stream)
    assert not CONSENT.is_of(replace(GRANTED, provider_id="another"), stream)


def test_an_event_that_names_none_is_of_every_stream() -> None:
    assert MESSAGE.is_of(MessageExpired(opened=False, alerted=False), "message-m1")
