"""Following the log: batches of events, each once and in order, as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from domain.kernel import Recorded
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.subscription import LogSubscription

BATCH_EVENTS = 1_000
STOP_INTERVAL_S = 1.0
"""How often to ask whether to stop, while nothing comes."""


def follow(
    log: LogReader,
    connection: psycopg.Connection,
    *,
    after: int,
    stopped: Callable[[], bool],
    stop_interval_s: float = STOP_INTERVAL_S,
) -> Iterator[Sequence[Recorded[Any]]]:
    """Yield the events after a position until `stopped` says so; the connection is this follower's alone."""
    with LogSubscription(connection) as subscription:
        while not stopped():
            head = log.head(connection)
            while after < head and not stopped():
                until = min(after + BATCH_EVENTS, head)
                yield list(log.read(connection, after=after, until=until))
                after = until
            while not stopped() and not subscription.wait(stop_interval_s):
                pass
