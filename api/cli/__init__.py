"""The command line: `kroniek`. Only the module of the command that is called is imported: help comes at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from api.cli.output import AS_JSON, CommandError, Exit, Output
from application.gc_tuning import no_collections

COMMANDS = {
    "demo": "sample history, API and dashboard on this machine, with one command",
    "serve": "the API, the dashboard and the worker that keeps the read models",
    "worker": "only the worker that keeps the read models",
    "migrate": "bring the schema of the database up to date",
    "address": "print where a person who only reads reaches the embedded database",
    "token": "issue a token for local use",
    "client": "register a program that asks the local issuer for tokens with a key of its own",
    "sample": "write the sample history into an empty log",
    "projections": "see, rebuild, verify and steer the read models",
    "reactors": "see and steer what follows the log: erasures, the index of numbers, followers of agencies",
    "rights": "print who may do what: every command, type, field and door by role and organisation",
    "documents": "put GraphQL documents on the list of an organisation, list them, take them off",
    "keys": "list, rotate and retire the keys that wrap the keys of personal data; fill the index of numbers",
    "erasures": "list who is being erased and how far; erase again after a backup of the keys was brought back",
    "deadlines": "list what falls due, and what is late",
    "log": "list, detach and attach the partitions of the log; check and repair its end; list slow statements",
    "import": "take over a history of commands or of decided events",
}

PROCESSES = frozenset({"serve", "worker"})
"""Commands whose errors are lines of the log."""

MODULES = {"import": "import_history"}
"""Modules of commands whose name is a keyword of Python."""

EXIT_CODES = "exit codes: " + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    with no_collections():  # what is imported stays
        options = parser_of(given[:1]).parse_args(given)
    output = Output(as_json=options.json)
    try:
        ended: Exit | None = options.run(options, output)
    except CommandError as error:
        if options.command in PROCESSES and not options.json:
            import_module("api.cli.processes").log_end(error)
        else:
            output.error(error)
        return error.exit_code.value
    except KeyboardInterrupt:
        return Exit.INTERRUPTED.value
    return Exit.DONE.value if ended is None else ended.value


def parser_of(called: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser of all commands; only the one that is called, if one is, has its options."""
    parser = argparse.ArgumentParser(
        prog="kroniek", description="The event-sourced backend for digital government.", epilog=EXIT_CODES
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the release and end")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        command.add_argument("--json", action="store_true", help=AS_JSON)
        if name in called:
            module = import_module(f"api.cli.{MODULES.get(name, name)}")
            # A command has actions, which run themselves, or else its own `run`.
            command.set_defaults(run=getattr(module, "run", None))
            if hasattr(module, "add_options"):
                module.add_options(command)
    return parser


class _Version(argparse.Action):
    """Reads the version only when it is asked for: reading the metadata of a package takes as long as all the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"kroniek {version('kroniek')}\n")
        parser.exit()
