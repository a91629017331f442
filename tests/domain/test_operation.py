"""Operation: every act has a reason, what the stream knows is decided once, and the acts themselves stay readable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.kernel import InvalidValue, NotFound, Refusal, RuleBroken
from domain.kernel.acts import MAX_EVENT_POSITION, MAX_REASON_LENGTH
from domain.operation import (
    ACTS,
    OPERATION,
    CancelRebuild,
    DropPreviousRows,
    ParkedEventSkipped,
    ParkedEventsRetried,
    PauseProjection,
    PreviousRowsDropRequested,
    ProjectionCommand,
    ProjectionPaused,
    ProjectionResumed,
    RebuildCancelled,
    RebuildRequested,
    RequestRebuild,
    RequestVerification,
    ResumeProjection,
    RetryParkedEvents,
    SkipParkedEvent,
    TakeoverUndoRequested,
    UndoTakeover,
    VerificationRequested,
)
from tests.domain.given import given

AT = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)
WHY = "the rule counted two months as one"
SAID: dict[str, Any] = {"projection": "bus_counts", "why": WHY}
FRAME: dict[str, Any] = {"at": AT, "by": "platform", **SAID}

PAUSE, RESUME = PauseProjection(**FRAME), ResumeProjection(**FRAME)
RETRY = RetryParkedEvents(**FRAME, parked=True)
SKIP = SkipParkedEvent(**FRAME, event_position=4711, parked=True)
PAUSED, RESUMED = ProjectionPaused(**SAID), ProjectionResumed(**SAID)
RETRIED = ParkedEventsRetried(**SAID, event_position=0)
SKIPPED = ParkedEventSkipped(**SAID, event_position=4711)
REQUESTS: list[tuple[ProjectionCommand, Any]] = [
    (RequestRebuild(**FRAME), RebuildRequested(**SAID)),
    (CancelRebuild(**FRAME), RebuildCancelled(**SAID)),
    (RequestVerification(**FRAME), VerificationRequested(**SAID)),
    (UndoTakeover(**FRAME), TakeoverUndoRequested(**SAID)),
    (DropPreviousRows(**FRAME), PreviousRowsDropRequested(**SAID)),
    (RETRY, RETRIED),
]
WISHES: list[ProjectionCommand] = [PAUSE, RESUME, SKIP, *(wish for wish, _ in REQUESTS)]


@pytest.mark.parametrize(("wish", "event"), REQUESTS, ids=lambda it: type(it).__name__)
def test_a_request_is_recorded_each_time_it_is_made(wish: ProjectionCommand, event: Any) -> None:
    given(OPERATION).when(wish).then(event)
    given(OPERATION, event).when(wish).then(event)


def test_a_projection_is_paused_once() -> None:
    given(OPERATION).when(PAUSE).then(PAUSED)
    given(OPERATION, PAUSED).when(PAUSE).then()
    given(OPERATION, PAUSED, RESUMED).when(PAUSE).then(PAUSED)


def test_a_projection_that_runs_is_not_resumed() -> None:
    given(OPERATION).when(RESUME).then()
    given(OPERATION, PAUSED).when(RESUME).then(RESUMED)
    given(OPERATION, PAUSED, RESUMED).when(RESUME).then()


def test_what_administrators_ordered_is_always_read() -> None:
    given(OPERATION).when(replace(PAUSE, projection=ACTS)).refused(RuleBroken, "acts-not-paused")
    rebuild = RequestRebuild(**{**FRAME, "projection": ACTS})
    given(OPERATION).when(rebuild).then(RebuildRequested(projection=ACTS, why=WHY))


def test_parked_events_are_retried_all_or_those_of_one_stream() -> None:
    given(OPERATION).when(RETRY).then(RETRIED)
    of_one_stream = replace(RETRY, event_position=4711)
    given(OPERATION).when(of_one_stream).then(replace(RETRIED, event_position=4711))


def test_an_event_that_is_not_parked_is_neither_retried_nor_skipped() -> None:
    for wish in (replace(RETRY, event_position=4711), SKIP):
        given(OPERATION).when(replace(wish, parked=False)).refused(NotFound, "parked-event-not-found")


def test_nothing_is_retried_where_nothing_is_parked() -> None:
    given(OPERATION).when(replace(RETRY, parked=False)).then()


def test_an_event_is_skipped_as_long_as_it_is_parked() -> None:
    given(OPERATION).when(SKIP).then(SKIPPED)
    given(OPERATION, SKIPPED).when(SKIP).then(SKIPPED)
    given(OPERATION, SKIPPED).when(replace(SKIP, event_position=4712)).then(replace(SKIPPED, event_position=4712))


@pytest.mark.parametrize("wish", WISHES, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("why", ["", "   ", "\n", "w" * (MAX_REASON_LENGTH + 1)])
def test_every_act_has_a_reason(wish: ProjectionCommand, why: str) -> None:
    given(OPERATION).when(replace(wish, why=why)).refused(InvalidValue, "reason-missing")


def test_a_reason_is_kept_without_the_spaces_around_it() -> None:
    longest = "w" * MAX_REASON_LENGTH
    given(OPERATION).when(replace(PAUSE, why=f"  {longest}\n")).then(replace(PAUSED, why=longest))


@pytest.mark.parametrize("wish", WISHES, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("name", ["", "Bus", "1bus", "_bus", "bus-counts", "bus counts", "bus\n", "b" * 64])
def test_a_projection_has_a_name(wish: ProjectionCommand, name: str) -> None:
    given(OPERATION).when(replace(wish, projection=name)).refused(InvalidValue, "invalid-projection-name")


@pytest.mark.parametrize("position", [-1, MAX_EVENT_POSITION + 1])
def test_a_position_is_one_that_a_log_can_have(position: int) -> None:
    for wish in (RETRY, SKIP):
        beyond = replace(wish, event_position=position)
        given(OPERATION).when(beyond).refused(InvalidValue, "invalid-event-position")


def test_what_is_skipped_is_one_event() -> None:
    given(OPERATION).when(replace(SKIP, event_position=0)).refused(InvalidValue, "invalid-event-position")


@pytest.mark.parametrize("wish", WISHES, ids=lambda it: type(it).__name__)
def test_an_act_belongs_to_the_stream_of_its_projection(wish: ProjectionCommand) -> None:
    assert OPERATION.stream(OPERATION.aggregate_id(wish)) == "projection-bus_counts"


@forall(st.lists(st.sampled_from([*WISHES, replace(PAUSE, why=" ")]), max_size=20))
def test_whatever_is_wished_pauses_and_resumptions_alternate(wishes: list[ProjectionCommand]) -> None:
    history: list[Any] = []
    for wish in wishes:
        try:
            history += OPERATION.decide(wish, OPERATION.fold(history))
        except Refusal:
            continue
    kinds = [type(event) for event in history if isinstance(event, (ProjectionPaused, ProjectionResumed))]
    assert kinds == [ProjectionPaused, ProjectionResumed] * (len(kinds) // 2) + [ProjectionPaused] * (len(kinds) % 2)
