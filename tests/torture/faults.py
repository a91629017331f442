"""A disk that is full and a sync that fails: `strace` has the system refuse the calls of a running server.

To the server it is the same as a disk that does so: the call fails with the same error, at the same place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.parts import STRACE
from tests.torture.check import LogCheck
from tests.torture.fleet import Fleet
from tests.torture.load import finish, loaded, wait_for_more
from tests.torture.server import Server

WRITES = ("pwrite64", "pwritev", "pwritev2", "fallocate", "ftruncate")
SYNCS = ("fsync", "fdatasync")
ATTACHED_WITHIN_S = 30
END_TIMEOUT_S = 30

_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

# The files of all tables and indexes of the log, with the maps that belong to each.
_FILES = """
SELECT pg_relation_filepath(pg_class.oid) || fork
FROM pg_class, unnest(ARRAY['', '_fsm', '_vm']) AS fork
WHERE relnamespace = 'log'::regnamespace AND pg_relation_filepath(pg_class.oid) IS NOT NULL
"""


FAULTY_FOR_S = 0.5
STILL_ROUNDS = 3
"""For how many looks no call may have been made before all processes are taken to stand still."""

_PAUSE_S = 0.02


@dataclass(slots=True)
class Fault:
    """How often a call was refused; known once the fault is over."""

    refused: int = 0


def survive_full_disk(server: Server, seed: int) -> tuple[LogCheck, Fault]:
    """Let the disk be full for a while under writers that live on; return the check and what was refused."""
    return _survive(server, seed, lambda url: full_disk(url, server.data.pgdata))


def survive_full_journal(server: Server, seed: int) -> tuple[LogCheck, Fault]:
    """The same where there is no room for the journal either. The server then ends all its processes, and recovers."""
    return _survive(server, seed, lambda url: _inject(_backends(url), WRITES, "ENOSPC", ()))


def survive_failing_sync(server: Server, seed: int) -> tuple[LogCheck, Fault]:
    """The same with a sync that fails: what was written may or may not be on the disk. Here too the server recovers."""
    return _survive(server, seed, lambda url: _inject(_backends(url), SYNCS, "EIO", ()))


def _survive(
    server: Server, seed: int, faulty: Callable[[str], AbstractContextManager[Fault]]
) -> tuple[LogCheck, Fault]:
    with loaded(Fleet(server.new_log(), seed)) as fleet:
        with faulty(fleet.url) as fault:
            time.sleep(FAULTY_FOR_S)
        server.start()
        wait_for_more(fleet)
        return finish(fleet, LogCheck(fleet.notes), fleet.url), fault


@contextmanager
def full_disk(url: str, pgdata: Path) -> Iterator[Fault]:
    """Leave no room for the files of the log, to all who write to it now. The journal has its own, made in advance."""
    with psycopg.connect(url, autocommit=True) as connection:
        files = [pgdata.resolve() / row[0] for row in connection.execute(_FILES)]
    with _inject(_backends(url), WRITES, "ENOSPC", files) as fault:
        yield fault


def _backends(url: str) -> Sequence[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(_BACKENDS)]


@contextmanager
def _inject(processes: Sequence[int], calls: Sequence[str], error: str, files: Sequence[Path]) -> Iterator[Fault]:
    assert processes, "there is nobody to refuse anything to"
    with tempfile.TemporaryDirectory() as folder:
        calls_made = Path(folder) / "calls"
        command = [
            STRACE.path(),
            f"--output={calls_made}",
            f"--trace={','.join(calls)}",
            f"--inject={','.join(calls)}:error={error}",
            *(f"--attach={process}" for process in processes),
            *(f"--trace-path={file}" for file in files),
        ]
        fault = Fault()
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            _wait_until_attached(tracer, len(processes))
            yield fault
        finally:
            with _standing_still(processes, calls_made):
                tracer.terminate()
                tracer.communicate(timeout=END_TIMEOUT_S)
            fault.refused = calls_made.read_text().count("(INJECTED)")


def _wait_until_attached(tracer: subprocess.Popen[str], processes: int) -> None:
    assert tracer.stderr is not None
    said = []
    for line in tracer.stderr:
        said.append(line)
        if sum(" attached" in one for one in said) == processes:
            return
    raise AssertionError(f"strace ended before it had begun: {''.join(said)}")


@contextmanager
def _standing_still(processes: Sequence[int], calls_made: Path) -> Iterator[None]:
    """Stop the processes meanwhile: one that strace leaves in the middle of a call would see another error."""
    _signal(processes, signal.SIGSTOP)
    try:
        before, still = -1, 0
        while still < STILL_ROUNDS:
            time.sleep(_PAUSE_S)
            now = calls_made.stat().st_size
            before, still = now, still + 1 if now == before else 0
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: Sequence[int], kind: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, kind)
