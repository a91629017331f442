"""Workers, rebuilds and reactors in processes of their own, to be killed.

`python -m tests.infrastructure.projector_process` reads the code once and then forks for each line that it is given, so
that a worker starts in milliseconds. All that came of it end with it, whatever they are doing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, Self

import psycopg

from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build import BuildRunningError
from infrastructure.projector.rows.definitions import Definitions, find
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from projections.progress import BuildPurpose
from tests.torture.reactor_process import run_reactor
from tests.waiting import wait_until

_MODULE = "tests.infrastructure.projector_process"


@dataclass(slots=True)
class Processes:
    """Starts processes, and ends those that are left at its end. Use it as a context manager."""

    _nursery: subprocess.Popen[str] = field(init=False)
    started: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its group is ended as a whole
        )
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._nursery.pid, signal.SIGKILL)
        self._nursery.wait()
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def worker(self, url: str, reference: str, **limits: float) -> int:
        """Start a worker; return the number of its process. `limits` as in `ProjectorLimits`."""
        return self._start({"work": "worker", "url": url, "reference": reference, "limits": limits})

    def rebuild(self, url: str, reference: str, names: Sequence[str], workers: int = 2, **limits: float) -> int:
        """Start to rebuild; return the number of the process."""
        about = {"names": list(names), "workers": workers, "limits": limits}
        return self._start({"work": "rebuild", "url": url, "reference": reference, **about})

    def reactor(self, url: str, fault_ended: str) -> int:
        """Start the reactor of the torture; return the number of its process."""
        return self._start({"work": "reactor", "url": url, "fault_ended": fault_ended})

    def _start(self, asked: Mapping[str, Any]) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(asked) + "\n")
        self._nursery.stdin.flush()
        pid = int(self._nursery.stdout.readline())
        self.started.append(pid)
        return pid


def kill(pid: int) -> None:
    """Kill a process without a warning; return when it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not lives(pid), f"process {pid} does not end")


def stop(pid: int) -> None:
    """Ask a process to end, and wait for it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not lives(pid), f"process {pid} does not end")


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children(pid: int) -> Sequence[int]:
    """Return the processes that a process has started, in any of its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found.extend(int(child) for child in task.read_text().split())
    return found


def fillers_of(pid: int) -> Sequence[int]:
    """Return the processes that fill tables for a process, and no others that it may have begun."""
    return [child for child in children(pid) if b"worker_main" in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it is gone
        return b""


# --- What runs in the processes -------------------------------------------------------------------------------------


def main() -> None:
    # Nobody waits for those that were killed.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _run(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _run(asked: Mapping[str, Any]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        _WORK[asked["work"]](asked, stopped)
    except (psycopg.OperationalError, BuildRunningError):
        os._exit(3)  # the server is gone, or somebody else is at it: who started it starts it again
    os._exit(0)


def _definitions(asked: Mapping[str, Any]) -> Definitions:
    return replace(find(asked["reference"]), limits=ProjectorLimits(**asked["limits"]))


def _worker(asked: Mapping[str, Any], stopped: threading.Event) -> None:
    Worker(asked["url"], _definitions(asked)).run(stopped.is_set)


def _rebuild(asked: Mapping[str, Any], stopped: threading.Event) -> None:
    definitions = _definitions(asked)
    rebuild(
        asked["url"],
        definitions,
        definitions.chosen(asked["names"]),
        purpose=BuildPurpose.REBUILD,
        workers=asked["workers"],
        stopped=stopped.is_set,
    )


def _reactor(asked: Mapping[str, Any], _stopped: threading.Event) -> None:
    run_reactor(asked["url"], asked["fault_ended"])


_WORK = {"worker": _worker, "rebuild": _rebuild, "reactor": _reactor}


if __name__ == "__main__":
    main()
