"""Fillers in processes of their own, steered over a pipe.

One line each way: first what to fill, then one chunk after the other, as JSON, each answered when it is written. A
filler ends when its pipe is closed, so none outlives the process that started it.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import psycopg
from psycopg import Connection

from infrastructure.postgres.arrays import register_types
from infrastructure.postgres.failures import ValueFreeError, summary
from infrastructure.projector.rebuild.stream_fold import Filler, StreamRange
from infrastructure.projector.rows.definitions import Definitions, find
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rows.target import MISFITS

END_S = 10

NICE = 19
"""By how much those who answer queries come before those who fill tables."""

DONE = "done"
ENDED = "a process that fills tables was ended"

Progress = Callable[[int], None]
"""Called with how many events were folded since the last call; raises to stop."""


class FillingFailedError(ValueFreeError):
    """A filler could not go on; nothing of its last chunk was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a filler needs to know."""

    url: str
    definitions: str
    names: Sequence[str]
    suffix: str
    oids: Mapping[str, int]
    """Which tables those of this suffix are, by name."""
    until: int
    long_streams: Sequence[str]

    def filler(self, connection: Connection, definitions: Definitions) -> Filler:
        register_types(connection)
        tables = {name: ReadTable(definitions.projections[name].table, self.suffix) for name in self.names}
        return Filler(connection, definitions, tables, oids=self.oids, until=self.until, long_streams=self.long_streams)


class _Fills(Protocol):
    def fill(self, chunk: StreamRange) -> None: ...

    def finish(self) -> None: ...


def fill(task: Task, definitions: Definitions, chunks: Sequence[StreamRange], workers: int, progress: Progress) -> None:
    """Fold all chunks, in this process or in so many others."""
    if sum(chunk.events for chunk in chunks) <= definitions.limits.process_events:
        with psycopg.connect(task.url, autocommit=True) as connection:
            _work(task.filler(connection, definitions), _queued(chunks), progress)
        return
    with ExitStack() as stack:
        processes = [stack.enter_context(FillerProcess(task)) for _ in range(min(workers, len(chunks)))]
        waiting, results = _queued(chunks), queue.SimpleQueue[int | Exception | None]()
        threads = [threading.Thread(target=_drive, args=(it, waiting, results), daemon=True) for it in processes]
        for thread in threads:
            thread.start()
        working = len(threads)
        while working:
            result = results.get()
            if isinstance(result, Exception):
                raise result
            if result is None:
                working -= 1
            else:
                progress(result)


def _queued(chunks: Sequence[StreamRange]) -> queue.SimpleQueue[StreamRange]:
    waiting = queue.SimpleQueue[StreamRange]()
    for chunk in chunks:
        waiting.put(chunk)
    return waiting


def _work(filler: _Fills, waiting: queue.SimpleQueue[StreamRange], progress: Progress) -> None:
    while True:
        try:
            chunk = waiting.get_nowait()
        except queue.Empty:
            break
        filler.fill(chunk)
        progress(chunk.events)
    filler.finish()


def _drive(
    filler: _Fills, waiting: queue.SimpleQueue[StreamRange], results: queue.SimpleQueue[int | Exception | None]
) -> None:
    try:
        _work(filler, waiting, results.put)
        results.put(None)
    except FillingFailedError as error:
        results.put(error)
    except (OSError, ValueError):  # it is ended while it is asked
        results.put(FillingFailedError(ENDED))


class FillerProcess:
    """A filler in a process of its own. It ends with its context, whatever it is doing."""

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infrastructure.projector.rebuild.worker_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._task = task

    def __enter__(self) -> Self:
        try:
            self._send(asdict(self._task))
        except FillingFailedError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue

    def fill(self, chunk: StreamRange) -> None:
        self._ask(asdict(chunk))

    def finish(self) -> None:
        self._ask({})

    def _ask(self, what: Mapping[str, Any]) -> None:
        self._send(what)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if answer != DONE:
            raise FillingFailedError(answer or ENDED)

    def _send(self, what: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # its pipe is closed
            raise FillingFailedError(ENDED) from error


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    os.nice(NICE)
    gc.disable()  # events, effects and rows are millions of objects without a cycle among them
    try:
        _answer(Task(**json.loads(sys.stdin.readline())))
    except (psycopg.Error, ValueFreeError, *MISFITS) as error:
        _say(summary(error))


def _answer(task: Task) -> None:
    with psycopg.connect(task.url, autocommit=True) as connection:
        filler = task.filler(connection, find(task.definitions))
        for line in sys.stdin:
            chunk = json.loads(line)
            if chunk:
                filler.fill(StreamRange(**chunk))
            else:
                filler.finish()
            _say(DONE)


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Who started it is gone, and so is whoever could be told; nor is it to be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
