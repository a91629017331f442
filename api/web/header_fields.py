"""The header fields of a request, read once and then found by a look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope

_STATE = "header_fields"
"""The key of the fields in the state of a request."""


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """Fields by their name in lower case, the first of each; names that stand twice; bytes of all names and values."""

    first: dict[bytes, bytes]
    repeated: frozenset[bytes]
    size: int


def header_fields(scope: Scope) -> HeaderFields:
    """Return the header fields of a request; they are read when first asked for."""
    state = scope.setdefault("state", {})
    if _STATE not in state:
        state[_STATE] = _read(scope)
    return cast("HeaderFields", state[_STATE])


def _read(scope: Scope) -> HeaderFields:
    first: dict[bytes, bytes] = {}
    repeated: set[bytes] = set()
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in first:
            repeated.add(name)
        else:
            first[name] = value
    return HeaderFields(first, frozenset(repeated), size)


class QuickRequest(Request):
    """A request whose header fields are found by a look-up, however many there are."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._found = _FoundHeaders(scope)

    @property
    def headers(self) -> Headers:
        return self._found


class _FoundHeaders(Headers):
    def __init__(self, scope: Scope) -> None:
        super().__init__(raw=scope["headers"])
        self._fields = header_fields(scope)

    def __getitem__(self, key: str) -> str:
        return self._fields.first[key.lower().encode("latin-1")].decode("latin-1")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower().encode("latin-1") in self._fields.first

    def getlist(self, key: str) -> list[str]:
        if key.lower().encode("latin-1") in self._fields.repeated:
            return super().getlist(key)
        return [self[key]] if key in self else []
