"""The writers as their parent sees them: started, killed, started again where their lanes were."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Self

from infrastructure.database.addresses import DatabaseRole, acting_as
from tests.torture.notes import Kind, Lane, Notes
from tests.torture.writers import Start, Work, write

STOP_TIMEOUT_S = 60
_KINDS = (Kind.KEYED, Kind.UNKEYED, Kind.KEYED, Kind.SHARED)

# Processes are forked from one that has read the code already and does nothing else: a writer starts in milliseconds.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.torture.writers", "tests.torture.reader"])


@dataclass(slots=True)
class Writer:
    """One process, and the thread that notes what it says."""

    process: ForkServerProcess
    listener: threading.Thread
    lanes: Sequence[Lane]


@dataclass(slots=True)
class Fleet:
    """Several writers on one log. Use it as a context manager; whoever still lives at its end is killed."""

    url: str
    seed: int
    processes: int = 4
    lanes_each: int = 16
    kinds: Sequence[Kind] = _KINDS
    broken: bool = False
    notes: Notes = field(default_factory=Notes)
    writers: list[Writer] = field(default_factory=list)

    def __enter__(self) -> Self:
        for number in range(self.processes):
            first = number * self.lanes_each + 1
            lanes = [Lane(lane, self.kinds[lane % len(self.kinds)]) for lane in range(first, first + self.lanes_each)]
            self.notes.lanes |= {lane.number: lane for lane in lanes}
            self.writers.append(self._start(lanes))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for writer in self.writers:
            _kill(writer)

    def kill(self, index: int) -> None:
        """Kill one writer, without a warning, and start it again with what it had been answered until then."""
        self.alive()
        writer = self.writers[index]
        _kill(writer)
        self.writers[index] = self._start(writer.lanes)

    def alive(self) -> None:
        """Raise AssertionError if a writer ended by itself: it says on standard error what it cannot believe."""
        ended = [writer.process.exitcode for writer in self.writers if not writer.process.is_alive()]
        assert not ended, f"writers ended by themselves: exit codes {ended}"

    def stop(self) -> None:
        """Let every lane finish the wish that it is at, and the writers close the log and end."""
        for writer in self.writers:
            writer.process.terminate()
        for writer in self.writers:
            writer.process.join(STOP_TIMEOUT_S)
            # The second is one that was told before it had begun to listen, and so before it had begun to write.
            assert writer.process.exitcode in (0, -signal.SIGTERM), f"a writer ended with {writer.process.exitcode}"
            writer.listener.join()

    def _start(self, lanes: Sequence[Lane]) -> Writer:
        starts = [Start(lane=lane.number, kind=lane.kind, serial=lane.next_serial) for lane in lanes]
        # The log is written as the platform does it; the broken append needs the rights of whoever made the tables.
        url = self.url if self.broken else acting_as(self.url, DatabaseRole.WRITER)
        work = Work(url=url, seed=self.seed, starts=starts, broken=self.broken)
        hears, says = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=write, args=(work, says))
        process.start()
        says.close()

        def listen() -> None:
            with hears:
                self.notes.listen(hears.fileno())

        listener = threading.Thread(target=listen)
        listener.start()
        return Writer(process, listener, lanes)


def _kill(writer: Writer) -> None:
    writer.process.kill()
    writer.process.join()
    writer.listener.join()
