"""Who asks a platform over HTTP, in one vocabulary, wherever it runs: in this process, on a port, as processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
from httpx2 import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp

NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Answer:
    """What GraphQL answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body["errors"]]


@dataclass(frozen=True, slots=True)
class Client:
    """Asks over a connection, with a token or, where that is empty, without; for a purpose, where one is named."""

    http: httpx2.Client
    token: str = ""
    activity: str = ""

    def sends(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str | None] | None = None,
        *,
        content: bytes | None = None,
    ) -> Response:
        """Send a command, or instead of its body any content, with an idempotency key of its own."""
        given = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json", **(headers or {})}
        return self.requests("POST", path, given, content=json.dumps(body).encode() if content is None else content)

    def does(self, path: str, body: object) -> Any:
        """Send a command that must be accepted; return what was answered."""
        answer = self.sends(path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def sends_lines(self, lines: Iterable[Mapping[str, Any] | bytes]) -> Response:
        """Send lines over the bulk door as they are."""
        content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return self.requests("POST", "/commands", {"Content-Type": NDJSON}, content=content)

    def sends_all(self, lines: Iterable[Mapping[str, Any]]) -> Sequence[Any]:
        """Send commands over the bulk door, each with an idempotency key of its own; return what each was answered."""
        answer = self.sends_lines({"idempotencyKey": str(uuid4()), **line} for line in lines)
        assert answer.is_success, answer.text
        return [json.loads(line) for line in answer.iter_lines()]

    def reads(
        self, path: str, headers: Mapping[str, str | None] | None = None, params: Mapping[str, Any] | None = None
    ) -> Response:
        """Read a page or an answer of REST."""
        return self.requests("GET", path, headers, params=params)

    def asks(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        *,
        position: int = 0,
    ) -> Answer:
        """Ask GraphQL, of read models that contain the position."""
        given = {**({"X-Position": str(position)} if position else {}), **(headers or {})}
        response = self.requests("POST", "/graphql", given, json={"query": query, "variables": variables})
        return Answer(response.status_code, response.headers, response.json())

    def requests(
        self, method: str, path: str, headers: Mapping[str, str | None] | None = None, **content: Any
    ) -> Response:
        """Send a request of any kind; `content`, `json`, `params` and the like are those of the library."""
        written = {name.encode(): value.encode("latin-1") for name, value in self.headers(headers).items()}
        return self.http.request(method, path, headers=written, **content)

    def headers(self, others: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return what this caller says of itself, and others beside or instead of it; one that is None is left out."""
        own = {"Authorization": self.token and f"Bearer {self.token}", "Processing-Activity": self.activity}
        said = {**{name: value for name, value in own.items() if value}, **(others or {})}
        return {name: value for name, value in said.items() if value is not None}


def over(app: ASGIApp, *, masked: bool = False) -> Client:
    """Return who asks an application in this process; with `masked`, an error in it is what it answers to users."""
    return Client(TestClient(app, raise_server_exceptions=not masked, follow_redirects=False))
