"""Running the platform as its users do: real processes, addresses over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import httpx2

from tests.api.clients import Client

END_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Running:
    """A command that serves: its process, and what it printed, the addresses of the platform by their names."""

    process: subprocess.Popen[str]
    addresses: Mapping[str, str]
    http: httpx2.Client

    def caller(self, token: str = "") -> Client:
        """Return somebody with this token, or with the one that the command printed."""
        return Client(self.http, token or self.addresses.get("token", ""))

    def position(self) -> int:
        return int(self.caller().reads("/health").json()["position"])


def start(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments, "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


@contextmanager
def kroniek(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> Iterator[Running]:
    """Run a serving command until the block ends."""
    process = start(environment, *arguments, errors=errors)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        base = addresses["graphql"].removesuffix("/graphql")
        with httpx2.Client(base_url=base, timeout=END_WITHIN_S, follow_redirects=True, trust_env=False) as http:
            yield Running(process, addresses, http)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=END_WITHIN_S)
