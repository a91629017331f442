"""Metrics of what waits in this process: appends, look-ups and turns to read; and which release it is.

They are of one process. What they observe knows nothing of them: the composition root passes the functions.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import Gauge, Histogram

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096)

APPEND_SECONDS = Histogram(
    "kroniek_append_seconds", "Time of the first append of each batch, from its call to its commit.", buckets=SECONDS
)
APPEND_WAIT = Histogram(
    "kroniek_append_wait_seconds", "The part of it in which it waited for a connection that writes.", buckets=SECONDS
)
BATCH_APPENDS = Histogram("kroniek_append_batch_calls", "Calls of append that shared a transaction.", buckets=SIZES)
LOOKUP_WAIT = Histogram(
    "kroniek_lookup_wait_seconds", "How long look-ups in the log waited for their connection.", buckets=SECONDS
)
TURN_WAIT = Histogram(
    "kroniek_read_turn_wait_seconds", "How long requests waited to read, of those that had to.", buckets=SECONDS
)
WAITING_APPENDS = Gauge("kroniek_appends_waiting", "Calls of append that wait for a connection that writes.")
OLDEST_APPEND = Gauge("kroniek_append_oldest_seconds", "For how long the appends under way have waited for the log.")
TURNS = Gauge("kroniek_read_turns", "Requests that read, and that wait to.", ["state"])
BUILD_INFO = Gauge("kroniek_build_info", "1; the labels say which release this is.", ["version", "python", "protocol"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """What waits in this process now; `append_protocol` is how it writes the log."""

    waiting_appends: int
    oldest_append_s: float
    held_turns: int
    waiting_turns: int
    append_protocol: int


def observe_appends(calls: int, waited_s: float, took_s: float) -> None:
    APPEND_SECONDS.observe(waited_s + took_s)
    APPEND_WAIT.observe(waited_s)
    BATCH_APPENDS.observe(calls)


def observe_lookups(_calls: int, waited_s: float, _took_s: float) -> None:
    LOOKUP_WAIT.observe(waited_s)


def measure_pressure(pressure: Pressure) -> None:
    WAITING_APPENDS.set(pressure.waiting_appends)
    OLDEST_APPEND.set(pressure.oldest_append_s)
    TURNS.labels("held").set(pressure.held_turns)
    TURNS.labels("waiting").set(pressure.waiting_turns)
    BUILD_INFO.labels(version("kroniek"), platform.python_version(), str(pressure.append_protocol)).set(1)
