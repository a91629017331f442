"""`kroniek worker`: keep the read models behind the log until told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import threading

import structlog

from api.cli.common import database, settings_of
from api.cli.output import Output
from application.gc_tuning import rare_collections
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rows.definitions import platform


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process, which started it, is gone")


def run(options: argparse.Namespace, _output: Output) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())

    def stopped() -> bool:
        return stop.is_set() or (options.parent is not None and os.getppid() != options.parent)

    with rare_collections(), database(settings_of()) as addresses:
        Worker(addresses.projector, platform()).run(stopped)
    structlog.get_logger().info("worker_stopped")
