"""Commands of operation: administrators order them for the read models, and the worker carries them out."""

from __future__ import annotations

from collections.abc import Mapping

from api.rest.command_route import CommandRoute
from api.rights.relations import administrator
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


def _route(command: type[ProjectionCommand], path: str, summary: str) -> CommandRoute:
    return CommandRoute(
        command,
        f"/projections/{{projection}}/{path}",
        right=administrator(),
        summary=summary,
        check_ids=_must_be_a_projection,
    )


ROUTES = (
    _route(
        RequestRebuild,
        "rebuilds",
        "Order that the rows are made anew, beside those in use, and take over when they are proven.",
    ),
    _route(CancelRebuild, "rebuild-cancellations", "Stop a rebuild; the rows in use stay."),
    _route(
        RequestVerification,
        "verifications",
        "Order a proof that the rows in use are those that the log gives.",
    ),
    _route(UndoTakeover, "takeover-undos", "Bring back the rows from before the last takeover."),
    _route(
        DropPreviousRows,
        "previous-rows-drops",
        "Drop the rows kept from before the last takeover; it cannot be undone after that.",
    ),
    _route(PauseProjection, "pauses", "Pause a projection; its rows stay as they are."),
    _route(ResumeProjection, "resumptions", "Let a paused projection go on."),
    _route(
        RetryParkedEvents,
        "parked-events/retries",
        "Apply parked events again: all, or those of the stream whose first parked event is named.",
    ),
    _route(
        SkipParkedEvent,
        "parked-events/skips",
        "Leave a parked event out of the rows, now and in every rebuild.",
    ),
)
