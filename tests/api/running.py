"""Running the platform as its users do: real processes, addresses over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments, "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def kroniek(environment: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a serving command until the block ends; give the process and the addresses that it printed."""
    process = start(environment, *arguments)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def get(address: str, accept: str = "*/*") -> tuple[int, str]:
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own address
        return response.status, response.read().decode()


def ask(base: dict[str, Any], query: str, position: int = 0) -> Any:
    """Ask GraphQL; wait for the read models to contain the position."""
    return _send(base["graphql"], base["token"], {"query": query}, {"X-Position": str(position)})


def post(address: str, token: str, body: dict[str, Any]) -> Any:
    """Send one command."""
    return _send(address, token, body, {"Idempotency-Key": str(uuid4())})


def _send(address: str, token: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own address
        address,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own address
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


def position(base: dict[str, Any]) -> int:
    _, health = get(base["dashboard"].replace("/dashboard", "/health"))
    return int(json.loads(health)["position"])
