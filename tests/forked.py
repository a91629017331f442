"""Processes that begin as copies of one in which everything is imported already: commands of `kroniek`, functions.

A process that is started anew spends a second or two on imports, whatever it is told to do. What a start itself does is
tested elsewhere, in processes that are started as users start them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from api.cli import main

PRELOADED = (
    "pytest.__main__",
    "tests.forked",
    "api.composition.bootstrap",
    "api.cli.import_history",
    "api.cli.projections",
    "tests.infrastructure.erasing",
)
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.preloaded"])


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: bytes
    err: bytes

    @property
    def said(self) -> Any:
        """What it said on its standard output, as JSON."""
        return json.loads(self.out)


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a process with these settings of the platform and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KRONIEK_")} | settings


def forked(function: Callable[..., None], *arguments: object, within_s: float) -> int:
    """Call a function in a process of its own, and wait for its end; return its exit code, of a signal its negative."""
    process = _CONTEXT.Process(target=function, args=arguments)
    process.start()
    process.join(within_s)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{function.__name__} did not end within {within_s} s")
    return process.exitcode


def kroniek_done(environment: Mapping[str, str], *arguments: str, given: bytes = b"", within_s: float = 120) -> Done:
    """Run a command to its end with this environment and nothing else, `given` on its standard input."""
    with tempfile.TemporaryDirectory() as name:
        places = [Path(name) / stream for stream in ("in", "out", "err")]
        os.mkfifo(places[0])
        threading.Thread(target=places[0].write_bytes, args=(given,), daemon=True).start()
        code = forked(_run, dict(environment), arguments, [str(place) for place in places], within_s=within_s)
        return Done(code, places[1].read_bytes(), places[2].read_bytes())


def _run(environment: Mapping[str, str], arguments: Sequence[str], places: Sequence[str]) -> None:
    """Take environment and standard streams, as the interpreter does at its start, and then the command."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # where it was for the process that this one is a copy of
    streams: list[IO[str]] = []
    for number, (place, mode) in enumerate(zip(places, ("r", "w", "w"), strict=True)):
        with Path(place).open(f"{mode}b") as file:
            os.dup2(file.fileno(), number)
        streams.append(os.fdopen(number, mode, encoding="utf-8", closefd=False))
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        sys.exit(main(list(arguments)))
    finally:
        for stream in streams[1:]:
            stream.flush()
