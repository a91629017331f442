"""`kroniek sample`: write the sample history into the log, through the real command path."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, ending_as
from api.composition.log_and_rules import make_keyring, make_log
from application.registry import RULES
from infrastructure.database.addresses import Addresses
from infrastructure.settings import Settings
from sample.runner import NotThisSampleError, SampleProgress, SampleReport, run_sample

DEFAULT_SEED = 2014
MIN_SCALE, MAX_SCALE = 0.001, 1_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", type=float, default=1.0, help="how many times the default amount (1:10,000)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed gives another history")


def run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    with database(settings) as addresses:
        report = write_sample(settings, addresses, options, output)
    text = "the sample history is there already"
    if not report.complete_before:
        text = f"{report.commands:,} commands gave {report.events:,} events in {report.seconds:.0f} s"
    output.result(asdict(report), text)


def write_sample(settings: Settings, addresses: Addresses, options: argparse.Namespace, output: Output) -> SampleReport:
    """Write the missing part of the sample history; return a report. Another history in the log is refused."""
    if not MIN_SCALE <= options.scale <= MAX_SCALE:
        raise CommandError(Exit.WRONG_USAGE, f"The scale is a number from {MIN_SCALE} to {MAX_SCALE}.")

    def progress(done: SampleProgress) -> None:
        output.progress(f"sample history, at {done.month}", done.commands, done.expected_commands)

    async def write() -> SampleReport:
        async with make_keyring(settings, addresses) as keys, make_log(settings, addresses, keys) as log:
            return await run_sample(log, RULES, seed=options.seed, scale=options.scale, progress=progress)

    with ending_as(Exit.CHANGED, NotThisSampleError):
        return asyncio.run(write())
