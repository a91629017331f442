"""`kroniek log`: the partitions of the log; taking old ones out of it and back in."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from api.cli.output import CommandError, Exit, Output, add_action, table

ACTIONS = {
    "partitions": "list the partitions of the log",
    "detach": "take the oldest attached partition out of the log's table; it stays readable",
    "attach": "put a detached partition back",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in ACTIONS.items():
        action = add_action(actions, name, about)
        if name != "partitions":
            action.add_argument("number", type=int, metavar="NUMBER")


def run(options: argparse.Namespace, output: Output) -> None:
    import psycopg

    from api.cli.common import database, settings_of
    from infrastructure.event_log.partitions import (
        PartitionRefusedError,
        attach_partition,
        detach_partition,
        list_partitions,
    )

    with (
        database(settings_of()) as addresses,
        psycopg.connect(addresses.owner, autocommit=True) as connection,
    ):
        try:
            if options.action == "detach":
                detach_partition(connection, options.number)
            elif options.action == "attach":
                attach_partition(connection, options.number)
        except PartitionRefusedError as error:
            raise CommandError(Exit.FAILED, str(error)) from error
        found = list_partitions(connection)
    rows = [
        (
            part.number,
            f"{part.first_position:,}",
            f"{part.last_position:,}",
            "attached" if part.attached else "detached" if part.present else "put away",
            f"{part.size_bytes / 1e6:,.0f} MB",
        )
        for part in found
    ]
    output.result([asdict(part) for part in found], table(("number", "from", "to", "state", "size"), rows))
