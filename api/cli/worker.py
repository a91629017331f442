"""`kroniek worker`: keep the read models behind the log until told to stop."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import threading

from api.cli.output import Output


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process, which started it, is gone")


def run(options: argparse.Namespace, _output: Output) -> None:
    import structlog

    from api.cli.common import database, settings_of
    from infrastructure.projector import Worker, platform

    # Batches of events are many short-lived objects without cycles: looking for cycles often costs more than it finds.
    gc.set_threshold(50_000, 20, 100)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())

    def stopped() -> bool:
        return stop.is_set() or (options.parent is not None and os.getppid() != options.parent)

    with database(settings_of()) as addresses:
        Worker(addresses.projector, platform()).run(stopped)
    structlog.get_logger().info("worker_stopped")
