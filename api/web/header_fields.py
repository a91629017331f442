"""The header fields of a request, read once and then found by a look-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

_STATE = "header_fields"
"""The key of the fields in the state of a request."""

NONE: frozenset[bytes] = frozenset()


class HeaderFields(NamedTuple):
    """Fields by their name in lower case, the first of each; names that stand twice; bytes of all names and values."""

    first: dict[bytes, bytes]
    repeated: frozenset[bytes]
    size: int


def header_fields(scope: Scope) -> HeaderFields:
    """Return the header fields of a request; they are read when first asked for."""
    found: HeaderFields | None = scope.setdefault("state", {}).get(_STATE)
    if found is None:
        found = scope["state"][_STATE] = _read(scope)
    return found


def header_field(scope: Scope, name: bytes) -> str:
    """Return the first value of a field, whose name is given in lower case; an empty text where there is none."""
    return header_fields(scope).first.get(name, b"").decode("latin-1")


def _read(scope: Scope) -> HeaderFields:
    given = scope["headers"]
    first = dict(reversed(given))
    repeated = NONE if len(first) == len(given) else _repeated(name for name, _ in given)
    return HeaderFields(first, repeated, sum(map(len, chain.from_iterable(given))))


def _repeated(names: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(name for name, times in Counter(names).items() if times > 1)


class QuickRequest(Request):
    """A request whose header fields are found by a look-up, however many there are."""

    _found: Headers | None = None

    @property
    def headers(self) -> Headers:
        if self._found is None:
            self._found = _FoundHeaders(self.scope)
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
