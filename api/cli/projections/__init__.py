"""`kroniek projections`: see, rebuild, verify and steer the read models while everything stays up."""

from __future__ import annotations

import argparse
from functools import partial

from api.cli.output import Actions, add_actions, counted
from api.cli.projections.acting import act, list_parked
from api.cli.projections.making import make, rebuild
from api.cli.projections.seeing import explain, show
from domain.kernel.kinds import MAX_INTEGER
from projections.progress import BuildPurpose

ACTIONS: Actions = {
    "list": ("how far each read model is and what it is doing", show),
    "explain": ("which events make which column of a read model, and of what", explain),
    "rebuild": ("make rows again from the log, prove them and put them in use", rebuild),
    "verify": ("prove that the rows in use are those that the log gives", partial(make, BuildPurpose.VERIFICATION)),
    "undo": ("bring back the rows from before the last takeover", partial(make, BuildPurpose.UNDO)),
    "cancel": ("stop a rebuild; the rows in use stay", partial(act, "cancel-rebuild")),
    "drop": ("drop the rows kept from before the last takeover", partial(act, "drop-previous-rows")),
    "pause": ("pause a read model; its rows stay as they are", partial(act, "pause-projection")),
    "resume": ("resume a paused read model", partial(act, "resume-projection")),
    "parked": ("events that a read model could not take: list, retry or skip them", None),
}
STEPS: Actions = {
    "list": ("the parked events, in their order", list_parked),
    "retry": ("try parked events again: all, or those of one stream", partial(act, "retry-parked-events")),
    "skip": ("leave one event out of a read model for good, and go on behind it", partial(act, "skip-parked-event")),
}
CHOOSING = ("rebuild", "verify")
"""Actions on several read models at once."""


def add_options(parser: argparse.ArgumentParser) -> None:
    for name, action in add_actions(parser, ACTIONS).items():
        if name in CHOOSING:
            action.add_argument("names", metavar="NAME", nargs="*")
            action.add_argument("--all", action="store_true", help="all read models")
            workers = "how many processes fill tables; without, a processor is left for queries"
            action.add_argument("--workers", type=int, choices=range(1, 65), metavar="N", help=workers)
        elif name == "parked":
            _add_steps(action)
        elif name == "undo":
            action.add_argument("names", metavar="NAME", nargs=1)
            action.set_defaults(all=False, workers=None)
        elif name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "rebuild":
            action.add_argument("--as-of", metavar="POSITION|INSTANT", help="as they were, in tables of their own")
        if name not in ("list", "explain", "parked"):
            action.add_argument("--why", required=name not in (*CHOOSING, "undo"), default="", help="the reason")


def _add_steps(parser: argparse.ArgumentParser) -> None:
    steps = add_actions(parser, STEPS, metavar="STEP")
    steps["list"].add_argument("name", metavar="NAME", nargs="?", default="")
    for name, about in (("retry", "the position of the event; the whole stream is tried"), ("skip", "the event")):
        step = steps[name]
        step.add_argument("name", metavar="NAME")
        step.add_argument("--position", type=counted(MAX_INTEGER), required=name == "skip", default=0, help=about)
        step.add_argument("--why", required=True, help="the reason")
