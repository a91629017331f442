"""Commands of reactors: administrators order them, and the process that leads the reactor carries them out."""

from __future__ import annotations

from api.rest.command_route import routes_below
from api.rights.relations import administrator
from domain.reactors import PauseReactor, ResumeReactor, RetryWaitingEvents, SkipWaitingEvent

ROUTES = routes_below(
    "/reactors/{reactor}",
    administrator(),
    {
        "pauses": (PauseReactor, "Pause a reactor: nothing is reacted to until it is resumed."),
        "resumptions": (ResumeReactor, "Let a paused reactor go on."),
        "waiting-events/retries": (
            RetryWaitingEvents,
            "Try waiting events at once, parked ones too: all, or those of the key whose first one is named.",
        ),
        "waiting-events/skips": (SkipWaitingEvent, "Do not react to a waiting event, and go on behind it."),
    },
)
