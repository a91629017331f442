"""Who asks a platform over HTTP, in one vocabulary, wherever it runs: in this process, on a port, as processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
from httpx2 import Response


@dataclass(frozen=True, slots=True)
class Client:
    """Asks over a connection, with a token or, where that is empty, without."""

    http: httpx2.Client
    token: str = ""

    def sends(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Response:
        """Send a command, with an idempotency key of its own."""
        given = self._headers({"Idempotency-Key": str(uuid4()), **(headers or {})})
        return self.http.post(path, json=body, headers=given)

    def does(self, path: str, body: object) -> Any:
        """Send a command that must be accepted; return what was answered."""
        answer = self.sends(path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def sends_all(self, lines: Iterable[Mapping[str, Any]]) -> Sequence[Any]:
        """Send commands over the bulk door, each with an idempotency key of its own; return what each was answered."""
        body = b"".join(json.dumps({"idempotencyKey": str(uuid4()), **line}).encode() + b"\n" for line in lines)
        headers = self._headers({"Content-Type": "application/x-ndjson"})
        answer = self.http.post("/commands", content=body, headers=headers)
        assert answer.is_success, answer.text
        return [json.loads(line) for line in answer.iter_lines()]

    def reads(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """Read a page or an answer of REST."""
        return self.http.get(path, headers=self._headers(headers or {}))

    def asks(
        self, query: str, variables: Mapping[str, Any] | None = None, *, position: int = 0, activity: str = ""
    ) -> Any:
        """Ask GraphQL for a purpose, of read models that contain the position; return the whole answer."""
        headers = {"X-Position": str(position)} | ({"Processing-Activity": activity} if activity else {})
        return self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self._headers(headers)
        ).json()

    def _headers(self, others: Mapping[str, str]) -> dict[str, str]:
        return {**others, "Authorization": f"Bearer {self.token}"} if self.token else dict(others)
