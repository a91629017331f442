"""`python -m tests.fuzz`: ten thousand random requests from a seed; a table, and each fault with an example."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.migrations import migrate, migrate_keys
from tests.api.world import World
from tests.fuzz.driving import fuzz
from tests.fuzz.findings import Findings
from tests.fuzz.fuzzed import fuzzed_world

CASES = 10_000
EVERY_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz a platform of its own; return 0 if nothing was wrong."""
    wanted = _parsed(arguments)
    # What failed is told below, with the request that did it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    _say(f"seed {wanted.seed}, {wanted.cases:,} cases")
    started = time.monotonic()
    with _world() as world:
        findings = fuzz(world, wanted.cases, wanted.seed, _Progress(started))
    for line in findings.lines():
        _say(line)
    _say(f"{'failed' if _failed(findings, wanted.cases) else 'passed'} in {time.monotonic() - started:.0f} s")
    return int(_failed(findings, wanted.cases))


def _failed(findings: Findings, wanted: int) -> bool:
    # Fewer cases than were asked for is a fault as well: of the run.
    return bool(findings.faults) or findings.cases < wanted


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="how many requests are sent (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeats a run")
    return parser.parse_args(arguments)


@contextmanager
def _world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="kroniek-fuzz-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's ordinary user has to enter it
        server = EmbeddedPostgres(folder / "server")
        server.start()
        try:
            migrate(server.url)
            migrate_keys(server.addresses.keys)
            with fuzzed_world(server.url, server.addresses.keys, folder) as world:
                yield world
        finally:
            server.stop()


class _Progress:
    """Says now and then how far it is."""

    def __init__(self, started: float) -> None:
        self._started = self._said = started

    def __call__(self, cases: int) -> None:
        now = time.monotonic()
        if now - self._said > EVERY_S:
            self._said = now
            _say(f"{now - self._started:8.0f} s  {cases:,} cases")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
