"""Locks on files that say who starts the server and who uses it. The system frees them when a process is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from infrastructure.postgres.failures import DatabaseUnusableError

_TIMEOUT_S = 120
_POLL_INTERVAL_S = 0.02


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time past; the others wait, bounded."""
    lock = _open(path)
    try:
        deadline = time.monotonic() + _TIMEOUT_S
        while not _try(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise DatabaseUnusableError(
                    f"Another process has been starting or stopping PostgreSQL for long: see {path}."
                )
            time.sleep(_POLL_INTERVAL_S)
        yield
    finally:
        os.close(lock)


class Use:
    """A mark that this process uses the server. To be changed only while holding `one_at_a_time`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: int | None = None

    def begin(self) -> None:
        if self._mark is None:
            self._mark = _open(self._path)
            _try(self._mark, fcntl.LOCK_SH)

    def end(self) -> None:
        if self._mark is not None:
            os.close(self._mark)
            self._mark = None

    def anybody(self) -> bool:
        """Whether any process uses the server, this one too."""
        probe = _open(self._path)
        try:
            return not _try(probe, fcntl.LOCK_EX)
        finally:
            os.close(probe)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
