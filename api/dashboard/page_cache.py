"""Public pages, each made once for all visitors for as long as the rows that it shows stay as they are.

A page is tagged with the release, its own address, the civil day (what is provisional may become final) and the version
of the figures' rows, so that an answer of 304 needs none of the page. While the rows change all the time, a page is
made again once in `PAGE_AGE_S`; a visitor that names its own write in `X-Position` has a page that contains it.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Network
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from api.web.ahead import COMPRESSION_LEVEL, MIN_COMPRESSED_BYTES
from api.web.cached_reading import MAX_AGE_S, CachedReading
from api.web.entity_tags import read_tags
from api.web.errors import Problem
from api.web.loop_thread import Make
from api.web.rate_limits import Buckets
from projections.figures.computed import FiguresVersion

T = TypeVar("T")
Read = Callable[[], Awaitable[FiguresVersion]]

MAX_PAGES = 512
"""Pages that are kept, those used last; a page takes some 60 kB."""

PAGE_AGE_S = 1.0
MAKING_PRICE = 10
"""A page that has to be made is charged to an address like so many others."""

NETWORK_BITS = 64
"""The part of an IPv6 address that names a connection of a subscriber, who has all addresses below."""

TAG_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePage:
    """A page, with the version of the rows and the civil day that it was made of."""

    response: Response
    version: FiguresVersion
    day: date


class Elsewhere(Protocol):
    """Runs the making of a page where it holds up nothing else."""

    def __call__(self, make: Make[T]) -> Awaitable[T]: ...


async def _here(make: Make[T]) -> T:
    return await make()


async def _at_once(_request: Request) -> None:
    """Wait for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServing:
    """How pages are served: where they are made, how a request waits for its own write, and the limit of an address.

    `version_age_s`: how long the version of the rows is used again; `page_age_s`: how long a page is, whatever changed.
    """

    elsewhere: Elsewhere = _here
    wait_for_own_write: Callable[[Request], Awaitable[None]] = _at_once
    limit: Buckets = field(default_factory=lambda: Buckets("pages", 0))
    version_age_s: float = MAX_AGE_S
    page_age_s: float = PAGE_AGE_S


SERVING = PageServing()
"""Pages are made where they are asked for, and nothing is waited for or limited."""


@dataclass(frozen=True, slots=True)
class _Page:
    tag: str
    status: int
    own_headers: Mapping[str, str]
    body: bytes
    compressed: bytes

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        body, sent = self.body, {**{name.lower(): value for name, value in headers.items()}, **self.own_headers}
        if self.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            body, sent["Content-Encoding"] = self.compressed, "gzip"
        return Response(body, self.status, sent)


class PageCache:
    """Holds pages by their addresses. It belongs to one event loop.

    `read_version` reads the version of the figures' rows; `release` is a digest of all that decides how the same rows
    are shown.
    """

    def __init__(self, read_version: Read, serving: PageServing, release: str) -> None:
        self._versions = CachedReading(read_version, serving.version_age_s)
        self._serving = serving
        self._release = release
        self._pages: OrderedDict[str, CachedReading[_Page]] = OrderedDict()
        self._next = asyncio.Lock()

    async def answer(
        self, request: Request, address: str, day: date, headers: Mapping[str, str], make: Make[MadePage]
    ) -> Response:
        """Answer a request for the page at an address, which `make` makes, with these header fields whatever it is.

        A browser takes over the fields of a 304: they are those of the page. Raises what making a page raises, and a
        Problem where an address asks too often.
        """
        await self._charge(request, 1)
        await self._step_back()
        headers, own_write = {**headers, "Vary": "Accept-Encoding"}, "x-position" in request.headers
        if own_write:
            await self._serving.wait_for_own_write(request)
        version = await (self._versions.fresh() if own_write else self._versions.recent())
        tag = self._tag(address, version, day)
        if _has(request, tag):
            return _not_modified(tag, headers)
        made = self._cached(address, make)
        page = made.last
        if page is None or page.tag != tag:
            if not made.under_way:
                await self._charge(request, MAKING_PRICE - 1)
            page = await (made.fresh() if own_write else made.recent())
        return _not_modified(page.tag, headers) if _has(request, page.tag) else page.answer(request, headers)

    async def _step_back(self) -> None:
        """Let one page pass in each round of the loop: between two pages, whatever else is ready goes on.

        Otherwise a query would wait in each of its steps for as many pages as there are visitors at once.
        """
        async with self._next:
            await asyncio.sleep(0)

    def _cached(self, address: str, make: Make[MadePage]) -> CachedReading[_Page]:
        if address in self._pages:
            self._pages.move_to_end(address)
        else:
            self._pages[address] = CachedReading(
                lambda: self._serving.elsewhere(lambda: self._tagged(address, make)), self._serving.page_age_s
            )
            if len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        return self._pages[address]

    async def _charge(self, request: Request, tokens: int) -> None:
        allowance = await self._serving.limit.grant(_visitor(request), tokens)
        if not allowance.granted:
            detail = "More pages were asked for from your address than are answered in a minute. Ask again later."
            raise Problem(429, "rate-limited", detail, retry_after_s=allowance.enough_in_s)

    async def _tagged(self, address: str, make: Make[MadePage]) -> _Page:
        made = await make()
        tag, body = self._tag(address, made.version, made.day), bytes(made.response.body)
        own = {name: value for name, value in made.response.headers.items() if name != "content-length"}
        if made.response.status_code == HTTPStatus.OK:
            own["ETag"] = tag
        compressed = gzip.compress(body, COMPRESSION_LEVEL) if len(body) >= MIN_COMPRESSED_BYTES else b""
        return _Page(tag, made.response.status_code, own, body, compressed)

    def _tag(self, address: str, version: FiguresVersion, day: date) -> str:
        return tag_of(f"{self._release} {version} {day} {address}")


@lru_cache(MAX_PAGES)
def tag_of(made_of: str) -> str:
    return f'W/"{hashlib.sha256(made_of.encode()).hexdigest()[:TAG_DIGITS]}"'


def _visitor(request: Request) -> str:
    """Return the address of a visitor; of IPv6, the network."""
    host = "" if request.client is None else request.client.host
    return str(IPv6Network((host, NETWORK_BITS), strict=False)) if ":" in host else host


def _has(request: Request, tag: str) -> bool:
    known = read_tags(request.headers.get("if-none-match", ""))
    return known is not None and known.match_weakly(tag.removeprefix("W/"))


def _not_modified(tag: str, headers: Mapping[str, str]) -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**headers, "ETag": tag})
