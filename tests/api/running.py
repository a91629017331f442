"""Running the platform as its users do: real processes, addresses over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kroniek(environment: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a serving command until the block ends; give the process and the addresses that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments, "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def get(address: str, accept: str = "*/*") -> tuple[int, str]:
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own address
        return response.status, response.read().decode()


def ask(base: dict[str, Any], query: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own address
        base["graphiql"],
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {base['token']}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own address
        return json.load(response)


def position(base: dict[str, Any]) -> int:
    _, health = get(base["dashboard"].replace("/dashboard", "/health"))
    return int(json.loads(health)["position"])
