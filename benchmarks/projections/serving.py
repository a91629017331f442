"""The platform's own processes on a database of the benchmark: the worker and the API, as they run for users."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.composition.tokens import make_issuer
from application.ports import Caller, Role
from infrastructure.settings import Settings

END_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Api:
    """Where a running API is, and a token of somebody who may read everything."""

    base: str
    token: str


def environment(url: str, folder: Path, keys_url: str = "") -> Mapping[str, str]:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("KRONIEK_")}
    own = {"KRONIEK_DATA_DIR": str(folder / "platform"), "KRONIEK_DATABASE_URL": url, "KRONIEK_KEYS_URL": keys_url}
    return bare | own


@contextmanager
def worker(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `kroniek worker`."""
    with _process(["-m", "api.cli", "worker"], environment(url, folder), folder / "worker.log") as process:
        yield process


@contextmanager
def api(url: str, keys_url: str, folder: Path) -> Iterator[Api]:
    """Run the API, without a worker beside it."""
    settings = Settings(data_dir=folder / "platform")
    caller = Caller(subject="benchmark", role=Role.AUDITOR, organisation_id="benchmark")
    with _process(["-m", "benchmarks.http_server"], environment(url, folder, keys_url), folder / "api.log") as process:
        assert process.stdout is not None
        base = process.stdout.readline().strip()
        assert base, (folder / "api.log").read_text()
        yield Api(base, make_issuer(settings).issue(caller, datetime.now(UTC), timedelta(hours=6)))


@contextmanager
def _process(arguments: Sequence[str], settings: Mapping[str, str], log_file: Path) -> Iterator[subprocess.Popen[str]]:
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=settings, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=END_WITHIN_S)
