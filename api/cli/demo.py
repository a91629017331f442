"""`kroniek demo`: everything on this machine with one command, filled with the sample history."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import aclosing
from datetime import timedelta

from api.cli import sample, serve
from api.cli.common import database, settings_of
from api.cli.output import Output
from api.cli.processes import WorkerProcess, unwind_on_term
from api.composition.bootstrap import create_app
from api.composition.log_and_rules import utc_now
from api.composition.tokens import make_issuer
from application.ports import Caller, Role
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from projections.registry import PROJECTIONS

TOKEN_HOURS = 12
POLL_INTERVAL_S = 0.3


def add_options(parser: argparse.ArgumentParser) -> None:
    serve.add_options(parser)
    sample.add_options(parser)


def run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of(host=options.host, port=options.port)
    unwind_on_term()
    with serve.listening(settings) as listener:
        output.say("Starting the database ...")
        with database(settings) as addresses, WorkerProcess() as worker:
            output.say("Writing the sample history: real commands, real decisions, real events ...")
            sample.write_sample(settings, addresses, options, output)
            position = asyncio.run(_caught_up(addresses.reader, worker, output))
            base, token = serve.address(listener), _token(settings)
            output.result({**serve.addresses(base), "token": token}, _welcome(base, token, position))
            serve.serve(create_app(settings, addresses), listener, settings.trusted_proxies)


async def _caught_up(url: str, worker: WorkerProcess, output: Output) -> int:
    """Wait until the read models are at the head of the log; return its position."""
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        while True:
            progress = await reads.progress()
            output.progress("read models, position", progress.position, progress.head)
            if progress.projections and progress.position >= progress.head:
                return progress.head
            worker.check()
            await asyncio.sleep(POLL_INTERVAL_S)


def _token(settings: Settings) -> str:
    caller = Caller(subject="demo", role=Role.AUDITOR, organisation_id="demo")
    return make_issuer(settings).issue(caller, utc_now(), timedelta(hours=TOKEN_HOURS))


def _welcome(base: str, token: str, position: int) -> str:
    return f"""
Kroniek is up: {position:,} events, every figure computed from them.

  Digital Dashboard   {base}/dashboard
  GraphQL             {base}/graphql
  Administration      {base}/administration
  API documentation   {base}/docs

A token to try, valid for {TOKEN_HOURS} hours (role auditor: sees everything, changes nothing):

{token}

Stop with Ctrl-C. The data stays; the next start takes seconds."""
