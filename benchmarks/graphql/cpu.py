"""The processor time that a server used: its process, those below it, and those of them that ended."""

from __future__ import annotations

import time

import psutil  # type: ignore[import-untyped]
import psycopg

MOST_READINGS = 100
PAUSE_S = 0.1
IDLE_SHARE = 0.2
"""Servers that use no more than so much of a processor have done what they were asked."""

IDLE_WITHIN_S = 300
"""Long: beside the first requests, a new platform makes the blind index of all persons."""


class NotIdleError(TimeoutError):
    """A server is still at work long after nobody asks it any more."""


def used_s(pid: int) -> float:
    """Return the seconds of processor time that a process and all below it used since they began.

    A process that ended is counted by the one that waited for it. One that ends during a reading would be counted
    twice or not at all: then all are read again.
    """
    root = psutil.Process(pid)
    for _ in range(MOST_READINGS):
        before = root.children(recursive=True)
        try:
            seconds: float | None = sum(map(_with_ended, before)) + _with_ended(root)
        except psutil.NoSuchProcess:
            seconds = None
        if seconds is not None and root.children(recursive=True) == before:
            return seconds
        time.sleep(PAUSE_S / MOST_READINGS)
    raise RuntimeError(f"The processes below {pid} come and go too fast to be measured.")


def _with_ended(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def wait_until_idle(*pids: int) -> None:
    """Wait until servers no longer work at what nobody waits for any more; raise NotIdleError if they go on."""
    until = time.monotonic() + IDLE_WITHIN_S
    while time.monotonic() < until:
        used, began = sum(map(used_s, pids)), time.monotonic()
        time.sleep(PAUSE_S)
        if sum(map(used_s, pids)) - used <= IDLE_SHARE * (time.monotonic() - began):
            return
    raise NotIdleError(f"Servers are still at work {IDLE_WITHIN_S} seconds after they were asked.")


def head_of_postgres(url: str) -> int:
    """Return the process of a PostgreSQL server that is the parent of all its others."""
    with psycopg.connect(url) as connection:
        return int(psutil.Process(connection.info.backend_pid).ppid())
