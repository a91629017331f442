"""Readers in a loop, who note whatever they saw that was not one state of the rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import IsolationLevel

Connection = psycopg.Connection[Any]
Look = Callable[[Connection], str]
"""Reads something once; returns what was wrong with it, nothing if it was sound."""

CONNECT_AGAIN_S = 0.05


@dataclass(slots=True)
class Reader:
    """One reader, on a connection of its own. With `forgiving`, a server that goes away is no fault of the rows."""

    url: str
    look: Look
    snapshots: bool = False
    forgiving: bool = False
    pause_s: float = 0.0
    """How long to rest between two reads: others need the machine too."""
    reads: int = 0
    longest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except psycopg.OperationalError as error:
                if not self.forgiving:
                    self.wrong.append(f"{type(error).__name__}: {error}")
                    return
                self._stop.wait(CONNECT_AGAIN_S)
            except psycopg.Error as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                return

    def _read(self) -> None:
        with psycopg.connect(self.url, autocommit=not self.snapshots) as connection:
            if self.snapshots:
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
            while not self._stop.is_set():
                began = time.monotonic()
                with connection.transaction():
                    found = self.look(connection)
                if self.snapshots:
                    connection.rollback()
                self.longest_s = max(self.longest_s, time.monotonic() - began)
                self.reads += 1
                if found:
                    self.wrong.append(found)
                self._stop.wait(self.pause_s)


def faults(readers: Sequence[Reader]) -> Sequence[str]:
    """Return what the readers saw that was wrong; one that saw nothing at all is wrong too."""
    unread = ["a reader has read nothing" for reader in readers if not reader.reads]
    return [*unread, *(it for reader in readers for it in reader.wrong)]
