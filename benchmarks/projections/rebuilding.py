"""A rebuild of every read model of the platform in a process of its own, watched from outside.

`python -m benchmarks.projections.rebuilding` takes the address of the owner, and the purpose, from its standard input.
It prints one JSON line each time that more was folded, and at the end one that tells the seconds and what became of
each read model.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.projections.folds import rebuild_all
from infrastructure.projector.rows.definitions import platform
from projections.progress import BuildPurpose

LOOK_EVERY_S = 0.2
END_S = 3_600
MIB = 2**20


@dataclass(slots=True)
class Memory:
    """What the processes of a rebuild held, in MiB, by how much of the log was folded (0 to 1)."""

    peak_mib: float = 0
    fillers: list[tuple[float, float]] = field(default_factory=list)
    """The share that was folded, and what the largest filler held then."""

    def growth(self) -> float:
        """Return what fillers held at the end of the filling, against a quarter of it."""
        quarter = [held for share, held in self.fillers if share <= 1 / 4]
        return self.fillers[-1][1] / max(quarter) if quarter else 0.0


class Rebuilding:
    """A rebuild that is under way. `wait` gives its seconds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.share = 0.0
        self.memory = Memory()
        self.results: Mapping[str, Mapping[str, Any]] = {}
        self._seconds = 0.0
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._watch)]
        for thread in self._threads:
            thread.start()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> float:
        """Return how many seconds it took, without the start of the process."""
        for thread in self._threads:
            thread.join(END_S)
        assert self._process.wait(END_S) == 0, "the rebuild came to its end"
        return self._seconds

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self.share = told.get("share", self.share)
            self._seconds = told.get("seconds", self._seconds)
            self.results = told.get("results", self.results)

    def _watch(self) -> None:
        parent = psutil.Process(self._process.pid)
        while self.runs:
            held = [_held(child) for child in _children(parent)]
            self.memory.peak_mib = max([self.memory.peak_mib, _held(parent), *held])
            if any(held):
                self.memory.fillers.append((self.share, max(held)))
            time.sleep(LOOK_EVERY_S)


def _children(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return list(parent.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _held(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / MIB
    except psutil.NoSuchProcess:
        return 0.0


@contextmanager
def rebuilding(
    url: str, purpose: BuildPurpose = BuildPurpose.REBUILD, *, workers: int | None = None
) -> Iterator[Rebuilding]:
    """Start a rebuild of every read model; it ends with this context, whatever it is doing."""
    command = [sys.executable, "-m", "benchmarks.projections.rebuilding"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"url": url, "purpose": purpose, "workers": workers}))
            process.stdin.close()
            yield Rebuilding(process)
        finally:
            process.kill()


def main() -> None:
    asked = json.load(sys.stdin)
    told = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > LOOK_EVERY_S or done >= total:
            told = time.monotonic()
            _say(share=done / max(total, 1))

    began = time.perf_counter()
    results = rebuild_all(
        asked["url"], platform(), BuildPurpose(asked["purpose"]), progress=progress, workers=asked["workers"]
    )
    seconds = time.perf_counter() - began
    found = {name: {"rows": it.rows, "equal": it.equal, "outcome": it.outcome} for name, it in results.items()}
    _say(seconds=seconds, results=found)


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
