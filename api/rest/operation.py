"""Doors of operation: what administrators order for the read models. The worker carries it out."""

from __future__ import annotations

from collections.abc import Mapping

from api.rest.doors import Door
from api.web.errors import Problem
from domain.operation import (
    CancelRebuild,
    DropPreviousRows,
    PauseProjection,
    ProjectionCommand,
    RequestRebuild,
    RequestVerification,
    ResumeProjection,
    RetryParkedEvents,
    SkipParkedEvent,
    UndoTakeover,
)
from projections.registry import PROJECTIONS

_NAMES = frozenset(projection.name for projection in PROJECTIONS)


def _must_be_a_projection(ids: Mapping[str, str]) -> None:
    if ids["projection"] not in _NAMES:
        raise Problem(404, "no-such-projection", "There is no projection of this name.")


def _door(intent: str, path: str, command: type[ProjectionCommand], summary: str) -> Door:
    return Door(
        intent=intent,
        path=f"/projections/{{projection}}/{path}",
        command=command,
        activity="platform-operation",
        summary=summary,
        check_ids=_must_be_a_projection,
    )


DOORS = (
    _door(
        "request-rebuild",
        "rebuilds",
        RequestRebuild,
        "Order that the rows are made anew, beside those in use, and take over when they are proven.",
    ),
    _door("cancel-rebuild", "rebuild-cancellations", CancelRebuild, "Stop a rebuild; the rows in use stay."),
    _door(
        "request-verification",
        "verifications",
        RequestVerification,
        "Order a proof that the rows in use are those that the log gives.",
    ),
    _door("undo-takeover", "takeover-undos", UndoTakeover, "Bring back the rows from before the last takeover."),
    _door(
        "drop-previous-rows",
        "previous-rows-drops",
        DropPreviousRows,
        "Drop the rows kept from before the last takeover; it cannot be undone after that.",
    ),
    _door("pause-projection", "pauses", PauseProjection, "Pause a projection; its rows stay as they are."),
    _door("resume-projection", "resumptions", ResumeProjection, "Let a paused projection go on."),
    _door(
        "retry-parked-events",
        "parked-events/retries",
        RetryParkedEvents,
        "Apply parked events again: all, or those of the stream whose first parked event is named.",
    ),
    _door(
        "skip-parked-event",
        "parked-events/skips",
        SkipParkedEvent,
        "Leave a parked event out of the rows, now and in every rebuild.",
    ),
)
