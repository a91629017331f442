"""`kroniek log`: the partitions of the log; taking old ones out of it and back in; checking and repairing its end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TypeAlias

import psycopg

from api.cli.common import database, opened_database, settings_of
from api.cli.output import Actions, Exit, Output, add_actions, counted, ending_as, table
from domain.kernel.kinds import MAX_COUNT
from infrastructure.database.slow_statements import StatisticsMissingError, slowest_statements
from infrastructure.event_log.log_end import LogEnd, LogRepairRefusedError, read_log_end, repair_log_end
from infrastructure.event_log.partitions import (
    PartitionBusyError,
    PartitionDamagedError,
    PartitionNotFoundError,
    PartitionRefusedError,
    attach_partition,
    detach_partition,
    list_partitions,
)

MOST_SLOW, MAX_SLOW = 20, 1_000

Change: TypeAlias = Callable[[psycopg.Connection, int], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    out = "take the oldest attached partition out of the log's table; it stays readable"
    actions: Actions = {
        "partitions": ("list the partitions of the log", partial(_list_after, None)),
        "detach": (out, partial(_list_after, detach_partition)),
        "attach": ("put a detached partition back", partial(_list_after, attach_partition)),
        "slow": ("list the slowest statements of the database, by their form", _list_slow),
        "check": ("say whether the newest event of the log is at its head", _check),
        "repair": ("put the head of a log that lost its end at its newest event", _repair),
    }
    parsers = add_actions(parser, actions)
    for name in ("detach", "attach"):
        parsers[name].add_argument("number", type=counted(MAX_COUNT), metavar="NUMBER")
    help_of_most = f"list so many ({MOST_SLOW})"
    parsers["slow"].add_argument("--most", type=counted(MAX_SLOW), default=MOST_SLOW, metavar="N", help=help_of_most)
    about = "go on without this number of events that were confirmed and are not there"
    parsers["repair"].add_argument("--accept-loss", type=counted(MAX_COUNT), default=0, metavar="EVENTS", help=about)


def _list_slow(options: argparse.Namespace, output: Output) -> None:
    with opened_database(settings_of()) as addresses, ending_as(Exit.NO_DATABASE, StatisticsMissingError):
        found = slowest_statements(addresses.owner, options.most)
    rows = [
        (f"{it.longest_ms:,.1f}", f"{it.mean_ms:,.1f}", it.calls, it.database, it.role, " ".join(it.statement.split()))
        for it in found
    ]
    headings = ("longest ms", "mean ms", "calls", "database", "role", "statement")
    output.result([asdict(it) for it in found], table(headings, rows))


def _check(_options: argparse.Namespace, output: Output) -> Exit | None:
    with opened_database(settings_of()) as addresses, psycopg.connect(addresses.owner, autocommit=True) as connection:
        end = read_log_end(connection)
    output.result(_end_shown(end), _end_text(end))
    return None if end.whole else Exit.DIFFERENT


def _repair(options: argparse.Namespace, output: Output) -> None:
    with (
        opened_database(settings_of()) as addresses,
        psycopg.connect(addresses.owner, autocommit=True) as connection,
        ending_as(Exit.WRONG_USAGE, LogRepairRefusedError),
    ):
        before = repair_log_end(connection, options.accept_loss)
    done = f"The log ends at {before.newest:,} now."
    output.result(_end_shown(before), _end_text(before) if before.whole else done)


def _end_shown(end: LogEnd) -> Mapping[str, object]:
    return {"head": end.head, "newest": end.newest, "lost": end.lost, "whole": end.whole}


def _end_text(end: LogEnd) -> str:
    if end.whole:
        return f"The log is whole at its end: its newest event and its head are {end.head:,}."
    lost = f"{end.lost:,} events that were confirmed are not there" if end.lost else "no event is lost"
    return f"The newest event of the log is {end.newest:,}, and its head is {end.head:,}: {lost}."


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
