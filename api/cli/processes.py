"""The worker as a process of its own beside the API: started with it, restarted if it fails, stopped with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import structlog

from api.cli.output import CommandError, Exit
from infrastructure.logs import logs_are_json

LOG = structlog.get_logger()

RESTART_AFTER_S = 1.0
MAX_RESTART_AFTER_S = 30.0
STOP_WITHIN_S = 15
HOPELESS_ENDS = 4
"""After so many ends of the worker there is no use in waiting for it."""


def log_end(error: CommandError) -> None:
    """Say in the form of the log why a process cannot run, also before the log is set up."""
    said = {"reason": str(error), "exit_code": error.exit_code.value}
    if structlog.is_configured():
        LOG.error("process_ended", **said)
    elif logs_are_json():
        line = {"at": datetime.now(UTC).isoformat(), "level": "error", "logger": __name__, "event": "process_ended"}
        sys.stderr.write(json.dumps(line | said) + "\n")
    else:
        sys.stderr.write(f"kroniek: {error}\n")


def unwind_on_term() -> None:
    """Let SIGTERM end the command as Ctrl-C does: by leaving its contexts, so that worker and database are stopped."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


class WorkerProcess:
    """Runs `kroniek worker` while the context is open."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._ends = 0
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, name="worker-watcher")

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            # Killing it is safe: rows and checkpoint move in one transaction.
            self._process.kill()
        self._watcher.join()

    def check(self) -> None:
        """Raise CommandError if the worker has ended too often."""
        if self._ends >= HOPELESS_ENDS:
            raise CommandError(Exit.FAILED, "The worker that keeps the read models cannot run; its errors are above.")

    def _start(self) -> subprocess.Popen[bytes]:
        # It is given the id of its parent: when it asks for it, the parent may be gone.
        command = [sys.executable, "-m", "api.cli", "worker", "--parent", str(os.getpid())]
        return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own

    def _watch(self) -> None:
        pause_s = RESTART_AFTER_S
        while True:
            code = self._process.wait()
            if self._stop.is_set():
                return
            self._ends += 1
            LOG.error("worker_ended", exit_code=code, restart_after_s=pause_s)
            if self._stop.wait(pause_s):
                return
            pause_s = min(2 * pause_s, MAX_RESTART_AFTER_S)
            self._process = self._start()
            if self._stop.is_set():  # the context was left meanwhile
                self._process.terminate()
