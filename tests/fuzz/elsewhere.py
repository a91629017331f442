"""Requests at every address that there is with every method, also where the OpenAPI document says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from httpx2 import Response
from hypothesis import strategies as st

from api.rest.command_route import camel_path
from api.rights.doors import DOORS
from tests.api.world import DOOR, World
from tests.fuzz.callers import Callers, Headers
from tests.fuzz.findings import Sent
from tests.fuzz.promises import EVERY_ANSWER, EVERY_DOOR
from tests.fuzz.sending import Sender

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY")
PATHS: Sequence[str] = (
    *sorted({name.partition(" ")[2] for name in DOORS} - {"/graphql", "/projections/events"}),
    *sorted({camel_path(door.path) for door in DOOR.values()}),
    "/{word}",
    "/{word}/{word}",
)
WORDS = ("en", "nl", "active_consents", "open-rate", "page.js", "..", "%00", "a.csv", "be", "x" * 200)
NAMES = ("jurisdiction", "period", "after", "limit", "lang", "sender", "code", "state")
VALUES = ("be", "nl", "2021", "2021-11", "2022-H1", "2017-09/2017-10", "9999-99", "-1", "1e9", "\u0000", "\u0663", "[]")
TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; charset=x", "")
PAGES = ("/dashboard", "/administration", "/docs", "/redoc", "/static-offline-docs", "/graphql", "/oauth2")
"""Their refusals are pages, or have a form of their own (RFC 6749)."""

_ID = re.compile(r"{[^}]*}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request by its parts."""

    pattern: str
    method: str
    url: str
    headers: Headers
    content: bytes


class Elsewhere:
    """Sends anything anywhere."""

    def __init__(self, world: World) -> None:
        self._sender = Sender(world)
        texts = st.sampled_from(WORDS + VALUES) | st.text(max_size=8)
        self._words = st.lists(texts, min_size=2, max_size=2)
        self._queries = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=4), texts), max_size=3)
        self._headers = Callers(world).headers()

    def calls(self, pattern: str) -> st.SearchStrategy[Call]:
        def call(
            method: str, words: Sequence[str], query: Sequence[tuple[str, str]], media_type: str, more: Headers
        ) -> Call:
            given = iter([*words, *words])
            path = _ID.sub(lambda _: quote(next(given), safe="%", errors="replace") or "-", pattern)
            url = f"{path}?{urlencode(query, errors='replace')}" if query else path
            headers = {**more, "Content-Type": media_type}
            return Call(pattern=pattern, method=method, url=url, headers=headers, content="".join(words).encode())

        methods = st.sampled_from(METHODS)
        return st.builds(call, methods, self._words, self._queries, st.sampled_from(TYPES), self._headers)

    def send(self, call: Call) -> tuple[Sent, Response, Iterator[str]]:
        headers = {name.lower(): value for name, value in call.headers.items()}
        sent = Sent(
            door=f"anything at {call.pattern}",
            kind="anything anywhere",
            method=call.method,
            url=call.url,
            headers=headers,
            content=call.content,
        )
        answer = self._sender.send(sent)
        promises = EVERY_ANSWER if call.pattern.startswith(PAGES) else EVERY_DOOR
        return sent, answer, (wrong for promise in promises for wrong in promise(sent, answer))
