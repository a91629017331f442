"""`kroniek projections`: see, rebuild, verify and steer the read models while everything stays up."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from api.cli.output import Exit, Output, add_action
from api.cli.projections import acting, making, seeing

Run = Callable[[argparse.Namespace, Output], Exit | None]

ACTIONS: Mapping[str, tuple[str, Run]] = {
    "list": ("how far each read model is and what it is doing", seeing.show),
    "explain": ("which events make which column of a read model, and of what", seeing.explain),
    "rebuild": ("make rows anew from the log, prove them and put them in use", making.rebuild),
    "verify": ("prove that the rows in use are those that the log gives", making.verify),
    "undo": ("bring back the rows from before the last takeover", making.undo),
    "cancel": ("stop a rebuild; the rows in use stay", acting.cancel),
    "drop": ("let go of the rows from before the last takeover", acting.drop),
    "pause": ("let a read model stand still", acting.pause),
    "resume": ("let a paused read model go on", acting.resume),
    "parked": ("events that a read model could not take: list, retry or skip them", acting.parked),
}
CHOOSING = ("rebuild", "verify")
"""Actions on several read models at once."""


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (about, _) in ACTIONS.items():
        action = add_action(actions, name, about)
        if name in CHOOSING:
            action.add_argument("names", metavar="NAME", nargs="*")
            action.add_argument("--all", action="store_true", help="all read models")
            workers = "how many processes fill tables; without, a processor is left for queries"
            action.add_argument("--workers", type=int, choices=range(1, 65), metavar="N", help=workers)
        elif name == "parked":
            _add_parked(action)
        elif name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "rebuild":
            action.add_argument("--as-of", metavar="POSITION|INSTANT", help="as they were, in tables of their own")
        if name not in ("list", "explain", "parked"):
            action.add_argument("--why", required=name not in (*CHOOSING, "undo"), default="", help="the reason")


def _add_parked(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    listing = add_action(steps, "list", "the parked events, in their order")
    listing.add_argument("name", metavar="NAME", nargs="?", default="")
    for name, about in (
        ("retry", "try parked events again: all, or those of one stream"),
        ("skip", "leave one event out of a read model for good, and go on behind it"),
    ):
        step = add_action(steps, name, about)
        step.add_argument("name", metavar="NAME")
        help_text = "the position of the event; the whole stream is tried" if name == "retry" else "the event"
        step.add_argument("--position", type=int, required=name == "skip", default=0, help=help_text)
        step.add_argument("--why", required=True, help="the reason")


def run(options: argparse.Namespace, output: Output) -> Exit | None:
    _, action = ACTIONS[options.action]
    return action(options, output)
