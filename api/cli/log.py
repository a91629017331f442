"""`kroniek log`: the partitions of the log; taking old ones out of it and back in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TypeAlias

import psycopg

from api.cli.common import database, settings_of
from api.cli.output import Exit, Output, add_actions, counted, ending_as, table
from domain.kernel.kinds import MAX_COUNT
from infrastructure.event_log.partitions import (
    PartitionBusyError,
    PartitionDamagedError,
    PartitionNotFoundError,
    PartitionRefusedError,
    attach_partition,
    detach_partition,
    list_partitions,
)

Change: TypeAlias = Callable[[psycopg.Connection, int], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    out = "take the oldest attached partition out of the log's table; it stays readable"
    actions = {
        "partitions": ("list the partitions of the log", partial(_list_after, None)),
        "detach": (out, partial(_list_after, detach_partition)),
        "attach": ("put a detached partition back", partial(_list_after, attach_partition)),
    }
    parsers = add_actions(parser, actions)
    for name in ("detach", "attach"):
        parsers[name].add_argument("number", type=counted(MAX_COUNT), metavar="NUMBER")


def _list_after(change: Change | None, options: argparse.Namespace, output: Output) -> None:
    with (
        database(settings_of()) as addresses,
        psycopg.connect(addresses.owner, autocommit=True) as connection,
    ):
        if change is not None:
            with (
                ending_as(Exit.WRONG_USAGE, PartitionRefusedError),
                ending_as(Exit.FAILED, PartitionDamagedError),
                ending_as(Exit.BUSY, PartitionBusyError),
                ending_as(Exit.NOT_FOUND, PartitionNotFoundError),
            ):
                change(connection, options.number)
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
