"""Fillers in processes of their own, which take their work over a pipe.

A filler reads lines of JSON: its task, then one chunk after the other, and answers each when its rows are written. A
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict

import psycopg

from infrastructure.postgres.failures import ValueFreeError, summary
from infrastructure.projector.rebuild.stream_fold import Filler, FillTask, StreamRange
from infrastructure.projector.rows.definitions import Definitions, find

END_S = 10

NICE = 19
"""The priority of fillers: processes that answer queries come first."""

DONE = "done"
ENDED = "a process that fills tables was ended"

Progress = Callable[[int], None]
"""Called with how many events were folded since the last call; raises to stop."""


class FillingFailedError(ValueFreeError):
    """A filler could not go on; nothing of its last chunk was written."""


def fill(
    task: FillTask, definitions: Definitions, chunks: Sequence[StreamRange], workers: int, progress: Progress
) -> None:
    """Fold all chunks, in this process or in so many others."""
    if sum(chunk.events for chunk in chunks) <= definitions.limits.process_events:
        with psycopg.connect(task.url, autocommit=True) as connection:
            _work(Filler(connection, definitions, task), iter(chunks), progress)
        return
    with ExitStack() as stack:
        processes = [stack.enter_context(_started(task)) for _ in range(min(workers, len(chunks)))]
        results = queue.SimpleQueue[int | Exception | None]()
        each_once = iter(list(chunks))  # the iterator of a list gives each element to one thread
        threads = [threading.Thread(target=_drive, args=(it, each_once, results), daemon=True) for it in processes]
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


def _work(filler: Filler | FillerProcess, chunks: Iterator[StreamRange], progress: Progress) -> None:
    for chunk in chunks:
        filler.fill(chunk)
        progress(chunk.events)
    filler.finish()


def _drive(
    filler: FillerProcess, chunks: Iterator[StreamRange], results: queue.SimpleQueue[int | Exception | None]
) -> None:
    try:
        _work(filler, chunks, results.put)
        results.put(None)
    except FillingFailedError as error:
        results.put(error)
    except (OSError, ValueError):  # its context ended while it worked
        results.put(FillingFailedError(ENDED))


class FillerProcess:
    """A filler in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._work, self._answers = process.stdin, process.stdout

    def fill(self, chunk: StreamRange) -> None:
        self._ask(asdict(chunk))

    def finish(self) -> None:
        self._ask({})

    def send(self, line: Mapping[str, object]) -> None:
        try:
            self._work.write(json.dumps(line) + "\n")
            self._work.flush()
        except (OSError, ValueError) as error:  # its pipe is closed
            raise FillingFailedError(ENDED) from error

    def _ask(self, line: Mapping[str, object]) -> None:
        self.send(line)
        answer = self._answers.readline().strip()
        if answer != DONE:
            raise FillingFailedError(answer or ENDED)


@contextmanager
def _started(task: FillTask) -> Iterator[FillerProcess]:
    """Start a filler, and end it with the context, whatever it is doing."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "infrastructure.projector.rebuild.worker_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    filler = FillerProcess(process)
    try:
        filler.send(asdict(task))
        yield filler
    finally:
        process.kill()
        process.wait(END_S)
        for pipe in filter(None, (process.stdin, process.stdout)):
            with suppress(BrokenPipeError):
                pipe.close()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    os.nice(NICE)
    gc.disable()  # events, effects and rows are millions of objects without a cycle among them
    try:
        _answer(FillTask(**json.loads(sys.stdin.readline())))
    except Exception as error:  # noqa: BLE001 - the process that started it logs every error
        _say(summary(error))


def _answer(task: FillTask) -> None:
    with psycopg.connect(task.url, autocommit=True) as connection:
        filler = Filler(connection, find(task.definitions), task)
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
        # The process that started it is gone; Python must not try to write the line again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
