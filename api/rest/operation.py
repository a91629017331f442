"""Commands of operation: administrators order them for the read models, and the worker carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from api.rest.command_route import routes_below
from api.rights.relations import administrator
from api.web.errors import Problem
from domain.operation import (
    CancelRebuild,
    DropPreviousRows,
    PauseProjection,
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


_ROUTES = routes_below(
    "/projections/{projection}",
    administrator(),
    {
        "rebuilds": (
            RequestRebuild,
            "Order that the rows are made anew, beside those in use, and take over when they are proven.",
        ),
        "rebuild-cancellations": (CancelRebuild, "Stop a rebuild; the rows in use stay."),
        "verifications": (
            RequestVerification,
            "Order a proof that the rows in use are those that the log gives.",
        ),
        "takeover-undos": (UndoTakeover, "Bring back the rows from before the last takeover."),
        "previous-rows-drops": (
            DropPreviousRows,
            "Drop the rows kept from before the last takeover; it cannot be undone after that.",
        ),
        "pauses": (PauseProjection, "Pause a projection; its rows stay as they are."),
        "resumptions": (ResumeProjection, "Let a paused projection go on."),
        "parked-events/retries": (
            RetryParkedEvents,
            "Apply parked events again: all, or those of the stream whose first parked event is named.",
        ),
        "parked-events/skips": (SkipParkedEvent, "Leave a parked event out of the rows, now and in every rebuild."),
    },
)
ROUTES = tuple(replace(route, check_ids=_must_be_a_projection) for route in _ROUTES)
