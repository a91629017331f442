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
from infrastructure.tokens.issuer import LocalIssuer

END_WITHIN_S = 60
TOKEN_HOURS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A running API: where it is, the process that answers, and who issues tokens for it."""

    base: str
    pid: int
    issuer: LocalIssuer

    @property
    def token(self) -> str:
        """A token of somebody who may read everything."""
        return self.token_for(Role.AUDITOR, "benchmark")

    def token_for(self, role: Role, organisation_id: str) -> str:
        caller = Caller(subject="benchmark", role=role, organisation_id=organisation_id)
        return self.issuer.issue(caller, datetime.now(UTC), timedelta(hours=TOKEN_HOURS))


def environment(url: str, folder: Path, keys_url: str = "") -> dict[str, str]:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("KRONIEK_")}
    own = {"KRONIEK_DATA_DIR": str(folder / "platform"), "KRONIEK_DATABASE_URL": url, "KRONIEK_KEYS_URL": keys_url}
    return bare | own


@contextmanager
def worker(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `kroniek worker`."""
    command = [sys.executable, "-m", "api.cli", "worker"]
    with running(command, environment(url, folder), folder / "worker.log") as process:
        yield process


@contextmanager
def api(url: str, keys_url: str, folder: Path, **more: str) -> Iterator[Api]:
    """Run the API, without a worker beside it; `more` are settings of its own."""
    settings = environment(url, folder, keys_url) | more
    with running([sys.executable, "-m", "benchmarks.http_server"], settings, folder / "api.log") as process:
        base = address_of(process, folder / "api.log")
        yield Api(base=base, pid=process.pid, issuer=make_issuer(Settings(data_dir=folder / "platform")))


def address_of(process: subprocess.Popen[str], log: Path) -> str:
    """Return the address that a server prints on its first line once it listens; raise RuntimeError if it ends."""
    assert process.stdout is not None
    base = process.stdout.readline().strip()
    if not base:
        raise RuntimeError(f"The server did not start:\n{log.read_text()}")
    return base


@contextmanager
def running(command: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process with these environment variables and end it at last; what it complains of goes to the log."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=file, text=True)
        try:
            yield process
        except Exception as error:
            if (code := process.poll()) is not None:
                error.add_note(f"{' '.join(command[:3])} had ended by itself, with {code}.")
            raise
        finally:
            process.terminate()
            process.communicate(timeout=END_WITHIN_S)
