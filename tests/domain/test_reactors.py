"""Reactors: every act has a reason, is about a reactor that there is, and is decided once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.kernel import InvalidValue, NotFound
from domain.reactors import (
    REACTOR,
    AddFollower,
    FollowerAdded,
    FollowerRemoved,
    PauseReactor,
    ReactorCommand,
    ReactorPaused,
    ReactorResumed,
    RemoveFollower,
    ResumeReactor,
    RetryWaitingEvents,
    SkipWaitingEvent,
    WaitingEventSkipped,
    WaitingEventsRetried,
)
from tests.domain.given import given

SAID: dict[str, Any] = {"reactor": "eraser", "why": "the partner is being moved"}
FRAME: dict[str, Any] = {"at": datetime(2026, 3, 1, 9, 0, tzinfo=UTC), "by": "platform", "known": True, **SAID}
PAUSE, RESUME = PauseReactor(**FRAME), ResumeReactor(**FRAME)
RETRY = RetryWaitingEvents(**FRAME, waiting=True)
SKIP = SkipWaitingEvent(**FRAME, event_position=4711, waiting=True)
ADD, REMOVE = AddFollower(**FRAME, follower="agency.letters:Letters"), RemoveFollower(**FRAME)
PAUSED, RESUMED = ReactorPaused(**SAID), ReactorResumed(**SAID)
ADDED = FollowerAdded(**SAID, follower="agency.letters:Letters")


def test_a_reactor_is_paused_and_resumed_once() -> None:
    given(REACTOR).when(PAUSE).then(PAUSED)
    given(REACTOR, PAUSED).when(PAUSE).then()
    given(REACTOR, PAUSED).when(RESUME).then(RESUMED)
    given(REACTOR, PAUSED, RESUMED).when(RESUME).then()


def test_only_an_event_that_waits_is_retried_or_skipped() -> None:
    given(REACTOR).when(RETRY).then(WaitingEventsRetried(**SAID, event_position=0))
    given(REACTOR).when(replace(RETRY, event_position=7)).then(WaitingEventsRetried(**SAID, event_position=7))
    given(REACTOR).when(replace(RETRY, waiting=False)).then()
    given(REACTOR).when(SKIP).then(WaitingEventSkipped(**SAID, event_position=4711))
    for command in (replace(RETRY, event_position=7, waiting=False), replace(SKIP, waiting=False)):
        given(REACTOR).when(command).refused(NotFound, "waiting-event-not-found")


@pytest.mark.parametrize("command", [PAUSE, RESUME, RETRY, SKIP], ids=lambda command: type(command).__name__)
def test_a_reactor_that_there_is_not_is_refused(command: ReactorCommand) -> None:
    given(REACTOR).when(replace(command, known=False)).refused(NotFound, "no-such-reactor")


def test_a_follower_is_added_and_removed_once() -> None:
    given(REACTOR).when(ADD).then(ADDED)
    given(REACTOR, ADDED).when(ADD).then()
    given(REACTOR, ADDED).when(REMOVE).then(FollowerRemoved(**SAID))
    given(REACTOR).when(REMOVE).then()


@pytest.mark.parametrize("follower", ["agency.letters", "os;system:x", ":Letters", "agency letters:Letters"])
def test_a_follower_is_a_class_of_a_module(follower: str) -> None:
    given(REACTOR).when(replace(ADD, follower=follower)).refused(InvalidValue, "invalid-follower")


def test_an_act_has_a_reason() -> None:
    given(REACTOR).when(replace(PAUSE, why=" \n")).refused(InvalidValue, "reason-missing")
