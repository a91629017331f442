"""`kroniek worker`: keep the read models behind the log until told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import threading

import psycopg
import structlog

from api.cli.common import awaited_database, settings_of
from api.cli.output import Output
from application.gc_tuning import rare_collections
from infrastructure.postgres.failures import summary
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rows.definitions import platform

LOG = structlog.get_logger()

RECONNECT_INTERVAL_S = 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process, which started it, is gone")


def run(options: argparse.Namespace, _output: Output) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())

    def stopped() -> bool:
        return stop.is_set() or (options.parent is not None and os.getppid() != options.parent)

    settings = settings_of()
    with rare_collections():
        while not stopped():
            with awaited_database(settings, stopped) as addresses:
                try:
                    Worker(addresses.projector, platform()).run(stopped)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    LOG.warning("worker_lost_connection", error=summary(error))
            stop.wait(0 if stopped() else RECONNECT_INTERVAL_S)
    LOG.info("worker_stopped")
