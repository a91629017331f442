"""Public pages are made once for all visitors, in a thread of their own, and not too many for one address."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Message, Scope

from api.composition.error_answers import problem_of_error
from api.dashboard import PageServing, dashboard_router
from api.dashboard.page_cache import MAKING_PRICE
from api.web.ahead import DoorsAhead, as_plain
from api.web.loop_thread import LoopThread
from api.web.rate_limits import Buckets
from domain.kernel import Jurisdiction
from projections.figures.index import IndexSeries
from tests.api.world.figures import NOW, POSITION, FakeFigures

pytestmark = pytest.mark.anyio

PAGE = "/dashboard/en"
AT_ONCE = PageServing(version_age_s=0, page_age_s=0)


@dataclass
class Figures(FakeFigures):
    """Figures that can be had once `ready` is set.

    `made` counts the snapshots, one for each page; `threads` are those in which a page asked for its indices.
    """

    ready: threading.Event = field(default_factory=threading.Event)
    threads: list[int] = field(default_factory=list)
    made: int = 0

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FakeFigures]:
        await asyncio.to_thread(self.ready.wait)
        self.made += 1
        yield self

    async def indices(self, jurisdiction: Jurisdiction, now: datetime) -> Sequence[IndexSeries]:
        self.threads.append(threading.get_ident())
        return await super().indices(jurisdiction, now)


@dataclass(frozen=True, slots=True)
class Received:
    status: int
    headers: dict[str, str]
    body: bytes


class Visitors:
    """Ask the pages as a server does, from some address."""

    def __init__(self, figures: FakeFigures, serving: PageServing = AT_ONCE) -> None:
        router = dashboard_router(figures, lambda: NOW, serving)
        routes = (it for it in router.routes if isinstance(it, Route))
        ahead = [as_plain(it) for it in routes if "language" in it.param_convertors]
        self.app = FastAPI(middleware=[Middleware(DoorsAhead, routes=ahead, problem_of=problem_of_error)])
        self.app.include_router(router)

    async def ask(self, path: str = PAGE, host: str = "192.0.2.7", **headers: str) -> Received:
        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: Scope = {"type": "http", "method": "GET", "headers": given, "client": (host, 1)}
        where, _, query = path.partition("?")
        scope.update(path=where, query_string=query.encode(), scheme="http", server=("here", 80))
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, _nothing_more, send)
        fields = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Received(sent[0]["status"], fields, b"".join(it.get("body", b"") for it in sent[1:]))


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.fixture
def figures() -> Figures:
    figures = Figures()
    figures.ready.set()
    return figures


# --- Once for all ---------------------------------------------------------------------------------------------------


async def test_a_page_is_made_once_while_its_rows_stay_as_they_are(figures: Figures) -> None:
    visitors = Visitors(figures)
    first = await visitors.ask()
    again = await visitors.ask(PAGE + "?unknown=1&jurisdiction=be", host="192.0.2.8")
    assert (first.status, again.body, figures.made) == (200, first.body, 1)
    figures.position = POSITION + 1
    assert (await visitors.ask()).headers["etag"] != first.headers["etag"]
    assert figures.made == 2


async def test_whoever_has_the_page_is_answered_before_anything_is_made(figures: Figures) -> None:
    first = await Visitors(figures).ask()
    answer = await Visitors(figures).ask(if_none_match=first.headers["etag"])
    assert (answer.status, answer.body, figures.made) == (304, b"", 1)
    # A browser takes them over for the page that it has.
    for name in ("etag", "content-security-policy", "cache-control", "vary"):
        assert answer.headers[name] == first.headers[name], name


async def test_visitors_who_come_at_once_share_the_making() -> None:
    figures = Figures()
    visitors = Visitors(figures)
    asking = [asyncio.create_task(visitors.ask()) for _ in range(16)]
    await asyncio.sleep(0)
    figures.ready.set()
    answers = await asyncio.gather(*asking)
    assert len({answer.body for answer in answers}) == 1
    assert figures.made == 1


async def test_while_the_rows_change_a_page_stays_for_a_moment_but_not_for_ones_own_write(figures: Figures) -> None:
    visitors = Visitors(figures, replace(AT_ONCE, page_age_s=60))
    first = await visitors.ask()
    figures.position = POSITION + 1
    assert (await visitors.ask()).body == first.body
    assert (await visitors.ask(x_position=str(POSITION + 1))).headers["etag"] != first.headers["etag"]


async def test_a_page_is_sent_compressed_to_those_who_take_it(figures: Figures) -> None:
    visitors = Visitors(figures)
    plain, packed = await visitors.ask(), await visitors.ask(accept_encoding="br, gzip")
    assert (packed.headers["content-encoding"], gzip.decompress(packed.body)) == ("gzip", plain.body)
    assert packed.headers["content-length"] == str(len(packed.body))


async def test_what_is_not_there_is_found_out_once_and_has_no_tag(figures: Figures) -> None:
    visitors = Visitors(figures)
    for _ in range(2):
        answer = await visitors.ask("/dashboard/en/figures/authentications/colour.csv")
        assert (answer.status, "etag" in answer.headers) == (404, False)
    assert figures.made == 1


# --- Elsewhere ------------------------------------------------------------------------------------------------------


async def test_pages_are_made_in_a_thread_of_their_own(figures: Figures) -> None:
    thread = LoopThread("pages of a test")
    assert (await Visitors(figures, replace(AT_ONCE, elsewhere=thread.run)).ask()).status == 200
    assert threading.get_ident() not in figures.threads
    thread.close()


async def test_an_error_in_the_thread_reaches_the_one_who_waits() -> None:
    async def fails() -> None:
        raise LookupError("nothing")

    thread = LoopThread("a failure")
    with pytest.raises(LookupError):
        await thread.run(fails)
    thread.close()


async def test_between_two_pages_other_work_goes_on(figures: Figures) -> None:
    visitors = Visitors(figures)
    await visitors.ask()
    done: list[str] = []

    async def visit() -> None:
        await visitors.ask()
        done.append("page")

    async def work() -> None:
        while done.count("page") < 16:
            done.append("step")
            await asyncio.sleep(0)

    await asyncio.gather(work(), *(visit() for _ in range(16)))
    assert ("page", "page") not in pairwise(done)


# --- Limits ---------------------------------------------------------------------------------------------------------


def limited(per_minute: int, seconds: Callable[[], float] = lambda: 0.0) -> PageServing:
    return replace(AT_ONCE, limit=Buckets("pages", per_minute, seconds))


async def test_an_address_gets_so_many_pages_a_minute(figures: Figures) -> None:
    visitors = Visitors(figures, limited(MAKING_PRICE + 2))
    assert [(await visitors.ask()).status for _ in range(4)] == [200, 200, 200, 429]
    refused = await visitors.ask()
    assert b"rate-limited" in refused.body
    assert int(refused.headers["retry-after"]) > 0
    assert (await visitors.ask(host="192.0.2.8")).status == 200
    assert (await visitors.ask("/dashboard/static/dashboard.css")).status == 200


async def test_the_addresses_of_one_subscriber_are_one(figures: Figures) -> None:
    visitors = Visitors(figures, limited(MAKING_PRICE))
    assert (await visitors.ask(host="2001:db8:1:2::1")).status == 200
    assert (await visitors.ask(host="2001:db8:1:2:ffff::2")).status == 429
    assert (await visitors.ask(host="2001:db8:1:3::1")).status == 200
