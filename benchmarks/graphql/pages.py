"""The dashboard: what a page costs the server when it has to be made, and when it was made before; and a 304."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmarks.graphql.asking import ask, ask_on, connection_to
from benchmarks.graphql.contest import Turn
from benchmarks.graphql.cpu import used_s
from benchmarks.graphql.load import LoadFailedError, Requests
from benchmarks.measuring import Measured
from benchmarks.projections.serving import Api

OK, NOT_MODIFIED = 200, 304
LANGUAGES = ("nl", "fr", "de", "en")
YEARS = (2021, 2022)
MONTHS = 6
"""The sample history has something in the first so many months of these years."""

MOST_CACHED = 500
CACHED_FOR_S = 5

UNCACHED, CACHED = "dashboard page, each asked for once", "dashboard page, asked for again"
UNCHANGED = "dashboard, not modified: Kroniek"


def page(running: Api, path: str = "/dashboard/nl?jurisdiction=be&period=2022-H1") -> Requests:
    return Requests(base=running.base, path=path, method="GET")


def unchanged(running: Api) -> Turn:
    """Return the turn in which everybody has the page already."""
    asked = page(running)
    etag = ask(asked).headers["etag"]
    conditional = replace(asked, headers={"If-None-Match": etag})
    if (status := ask(conditional).status) != NOT_MODIFIED:
        raise LoadFailedError(f"{asked.path} is answered with {status} to whoever has it")
    return Turn(name=UNCHANGED, requests=conditional, pid=running.pid)


def measure(running: Api, pages: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Ask for so many pages one after the other, then for one of them again and again."""
    one_by_one = _addresses()
    again = itertools.repeat(page(running).path)
    for warming_up in (one_by_one, again):
        _cost_ms(running, warming_up, 1)
    uncached_ms, first_s = _cost_ms(running, one_by_one, pages)
    cached_ms, again_s = _cost_ms(running, again, MOST_CACHED, CACHED_FOR_S)
    return _named(uncached_ms, first_s, UNCACHED) | _named(cached_ms, again_s, CACHED), {
        "dashboard_cpu_ms_uncached": uncached_ms,
        "dashboard_cpu_ms_cached": cached_ms,
    }


def _addresses() -> Iterator[str]:
    """Return addresses of pages, none of them twice: another language, or another month."""
    months = [f"{year}-{month:02d}" for year in YEARS for month in range(1, MONTHS + 1)]
    for month, language in itertools.product(months, LANGUAGES):
        yield f"/dashboard/{language}?jurisdiction=be&period={month}"


def _cost_ms(running: Api, paths: Iterator[str], most: int, for_s: float = math.inf) -> tuple[float, float]:
    """Ask for pages on one connection; return the server's milliseconds of processor time, and the seconds, of one."""
    began, cpu, done = time.monotonic(), used_s(running.pid), 0
    with connection_to(running.base) as connection:
        for path in itertools.islice(paths, most):
            answer = ask_on(connection, page(running, path))
            if answer.status != OK:
                raise LoadFailedError(f"{path} is answered with {answer.status}")
            done += 1
            if time.monotonic() - began > for_s:
                break
    return (used_s(running.pid) - cpu) / done * 1e3, (time.monotonic() - began) / done


def _named(cpu_ms: float, seconds: float, name: str) -> dict[str, Measured]:
    figures: Mapping[str, float] = {"µs": seconds * 1e6, "server, µs of CPU": cpu_ms * 1e3}
    return {f"{name} ({unit})": Measured([figure]) for unit, figure in figures.items()}
