"""The routes of the Digital Dashboard: server-rendered, no script, each page made once for all visitors."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import QueryParams

from api.dashboard.choice import (
    DEFAULT_LANGUAGE,
    PageNotFound,
    accepted_language,
    filter_named,
    filter_query,
    latest_period,
    one_named,
    parts,
    years,
)
from api.dashboard.content import all_definitions, dataset_of, figure_page, outside_history, overview
from api.dashboard.datasets import as_csv, as_json
from api.dashboard.links import ROOT, Links, slug
from api.dashboard.localiser import LOCALES, Localiser
from api.dashboard.page_cache import MAX_PAGES, SERVING, MadePage, PageCache, PageServing
from api.dashboard.page_context import PageContext
from api.dashboard.reader import FiguresReader, FiguresSnapshot
from api.web.errors import Problem, problem_response
from api.web.json_answers import json_response
from api.web.read_barrier import not_built
from domain.kernel import InvalidValue, Jurisdiction
from projections import figures
from projections.figures.definition import Definition
from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.period import MONTHS_OF_YEAR, Period
from projections.figures.translations import Language
from projections.open_rates import OpenRateFilter
from projections.progress import NotBuiltError
from projections.words import CIVIL_TIME

CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, X-Position",
    "Access-Control-Expose-Headers": "Content-Disposition, ETag, Retry-After",
    "Access-Control-Max-Age": "86400",
}
"""Pages of other origins may read the files, without credentials (Fetch standard, 3.3)."""

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
READ = ["GET", "HEAD"]
LICENCE = "CC0-1.0"
"""Under which figures are published where nothing else is set: the SPDX name of a dedication to the public."""

_TABLES = ("/{language}/figures/{figure}", "/{language}/figures/{figure}/{dimension}")
FILE_PATHS = tuple(f"{table}.{form}" for table in _TABLES for form in ("csv", "json"))
ONE_YEAR_S = 31_536_000
RETRY_AFTER_S = 10
"""Seconds after which to ask again while the read models are built for the first time."""

HERE = Path(__file__).parent
RELEASE = hashlib.sha256(
    b"".join(
        path.read_bytes()
        for path in (*sorted(HERE.glob("**/*")), *sorted(Path(figures.__file__).parent.glob("**/*")))
        if path.suffix in (".py", ".j2", ".css", ".pot", ".po")
    )
).hexdigest()
"""A digest of all files that decide how figures are shown."""


PROBLEMS = {
    404: Problem(404, "no-such-resource", "There is no such table of a figure at this address."),
    503: not_built(()),
}
"""What programs are told that ask for a file; to people who follow a link a page says the same."""

Build = Callable[[PageContext], Awaitable[Response]]


def dashboard_router(
    reader: FiguresReader,
    clock: Callable[[], datetime],
    serving: PageServing = SERVING,
    *,
    licence: str = LICENCE,
) -> APIRouter:
    """Make the routes under /dashboard. On a log that holds a sample, every page states that its history is made up."""
    return _Pages(reader, clock, serving, licence).router()


class _Pages:
    def __init__(
        self, reader: FiguresReader, clock: Callable[[], datetime], serving: PageServing, licence: str
    ) -> None:
        self.reader = reader
        self.licence = licence
        self.clock = clock
        self.cache = PageCache(reader.figures_version, serving, RELEASE)
        self.style = (HERE / "static" / "dashboard.css").read_bytes()
        self.templates = Environment(
            loader=PackageLoader("api.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(
            locales=LOCALES,
            jurisdictions=tuple(Jurisdiction),
            slug=slug,
            style_url=f"{ROOT}/static/dashboard.css?v={hashlib.sha256(self.style).hexdigest()[:12]}",
        )

    def router(self) -> APIRouter:
        router = APIRouter(prefix=ROOT, include_in_schema=False)
        for path in FILE_PATHS:
            router.add_api_route(path, self.file, methods=[*READ, "OPTIONS"], response_class=Response)
        for path, endpoint in (
            ("", self.entrance),
            ("/static/dashboard.css", self.stylesheet),
            ("/{language}", self.home),
            ("/{language}/figures", self.definitions),
            ("/{language}/figures/{figure}", self.figure),
            ("/{rest:path}", self.missing),
        ):
            router.add_api_route(path, endpoint, methods=READ, response_class=Response)
        return router

    async def entrance(self, request: Request) -> Response:
        named = request.query_params.get("lang")
        accepted = accepted_language(request.headers.get("accept-language", ""))
        try:
            language = one_named(Language, named) if named else accepted
            query = _query_string(_known_query(request.query_params))
        except (PageNotFound, InvalidValue):
            return self._not_found(accepted)
        headers = {"Vary": "Accept-Language", "Cache-Control": "no-cache"}
        return RedirectResponse(f"{ROOT}/{language}{query}", status_code=307, headers=headers)

    async def stylesheet(self) -> Response:
        headers = {"Cache-Control": f"public, max-age={ONE_YEAR_S}, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(self.style, media_type="text/css", headers=headers)

    async def home(self, request: Request, language: str) -> Response:
        return await self._answer(request, language, "", self._page("dashboard.html.j2", overview))

    async def definitions(self, request: Request, language: str) -> Response:
        return await self._answer(request, language, "/figures", self._page("definitions.html.j2", all_definitions))

    async def figure(self, request: Request, language: str, figure: str) -> Response:
        build = self._page("figure.html.j2", lambda page: figure_page(page, _definition(figure)))
        return await self._answer(request, language, f"/figures/{figure}", build)

    async def file(self, request: Request, language: str, figure: str, dimension: str = "") -> Response:
        async def build(page: PageContext) -> Response:
            dataset = await dataset_of(page, _definition(figure), dimension.replace("-", "_"))
            if request.url.path.endswith(".json"):
                return json_response(as_json(dataset, page))
            parts_of_name = ("kroniek", page.jurisdiction, figure, dimension, str(page.period).replace("/", "_"))
            disposition = f'attachment; filename="{"-".join(part for part in parts_of_name if part)}.csv"'
            headers = {"Content-Disposition": disposition}
            return Response(as_csv(dataset, page), media_type="text/csv; charset=utf-8", headers=headers)

        if request.method == "OPTIONS":
            return Response(status_code=204, headers=CROSS_ORIGIN)
        response = await self._answer(request, language, f"/figures/{figure}", build)
        if response.status_code in PROBLEMS and "text/html" not in request.headers.get("accept", ""):
            response = problem_response(PROBLEMS[response.status_code], getattr(request.state, "correlation_id", ""))
        response.headers.update(CROSS_ORIGIN)
        return response

    async def missing(self, rest: str) -> Response:
        language = rest.split("/", maxsplit=1)[0]
        return self._not_found(Language(language) if language in LOCALES else DEFAULT_LANGUAGE)

    # --- How every page is answered ---------------------------------------------------------------------------------

    async def _answer(self, request: Request, language: str, path: str, build: Build) -> Response:
        try:
            known = one_named(Language, language)
        except PageNotFound:
            return self._not_found(DEFAULT_LANGUAGE)
        try:
            asked = _asked(known, path, request.scope["query_string"])
            if asked.redirect is not None:
                return RedirectResponse(f"{request.url.path}{asked.redirect}", status_code=307)

            async def make() -> MadePage:
                now = self.clock()
                async with self.reader.snapshot() as snapshot:
                    try:
                        response = await self._from_snapshot(snapshot, asked.links, asked.applied, now, build)
                    except PageNotFound:
                        response = self._not_found(known)
                    return MadePage(response=response, version=snapshot.version, day=_day(now))

            address = f"{request.scope['path']} {asked.here}"
            return await self.cache.answer(request, address, _day(self.clock()), HEADERS, make)
        except (PageNotFound, InvalidValue):
            return self._not_found(known)
        except NotBuiltError:
            return self._not_built(known)

    async def _from_snapshot(
        self, snapshot: FiguresSnapshot, links: Links, applied: OpenRateFilter, now: datetime, build: Build
    ) -> Response:
        history = await snapshot.history(links.jurisdiction)
        page = PageContext(
            snapshot=snapshot,
            history=history,
            jurisdiction=links.jurisdiction,
            period=links.period or latest_period(history.months, now) or Period(now.year, 1, MONTHS_OF_YEAR),
            now=now,
            applied=applied,
            localiser=Localiser(links.language),
            links=links,
            licence=self.licence,
        )
        return await build(page)

    def _page(self, template: str, contents: Callable[[PageContext], Awaitable[Mapping[str, object]]]) -> Build:
        """Return the function that makes a page with its frame of a template and contents."""

        async def build(page: PageContext) -> Response:
            frame = {
                "now": page.now,
                "position": page.snapshot.position,
                "sample": page.snapshot.sample,
                "period": page.period,
                "years": years(page.history.months, page.period),
                "parts": parts(page.history.months, page.period, page.localiser),
                "outside_history": outside_history(page),
            }
            return self._html(template, page.links, {**frame, **await contents(page)})

        return build

    def _html(self, template: str, links: Links, shown: Mapping[str, object], status: int = 200) -> HTMLResponse:
        localiser = Localiser(links.language)
        frame = {"w": localiser, "t": localiser.text, "links": links, "jurisdiction": links.jurisdiction}
        page = self.templates.get_template(template).render(**frame, **shown)
        return HTMLResponse(page, status_code=status, headers={"Content-Language": localiser.language})

    def _not_found(self, language: Language) -> Response:
        return self._without_figures("not_found.html.j2", language, 404)

    def _not_built(self, language: Language) -> Response:
        """Answer that the read models are not built yet: figures computed without them would be false."""
        response = self._without_figures("not_built.html.j2", language, 503)
        response.headers.update({"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"})
        return response

    def _without_figures(self, template: str, language: Language, status: int) -> Response:
        links = Links(language=language, jurisdiction=Jurisdiction.BE, period=None)
        response = self._html(template, links, {}, status)
        response.headers.update(HEADERS)
        return response


def _day(now: datetime) -> date:
    return now.astimezone(CIVIL_TIME).date()


def _definition(figure: str) -> Definition:
    found = DEFINITIONS.get(figure.replace("-", "_"))
    if found is None or slug(found.id) != figure:
        raise PageNotFound
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an address asks for, and the address of that page; `redirect` is the query of the page that a form means."""

    links: Links
    here: str
    applied: OpenRateFilter
    redirect: str | None


@lru_cache(MAX_PAGES)
def _asked(language: Language, path: str, query_string: bytes) -> _Asked:
    """Read the query of an address; raise PageNotFound or InvalidValue where there is no such page."""
    query = QueryParams(query_string)
    redirect, applied = _split_period(query), filter_named(query)
    links = Links(
        language=language,
        jurisdiction=one_named(Jurisdiction, query.get("jurisdiction", Jurisdiction.BE.value)),
        period=Period.parse(query["period"]) if "period" in query else None,
        path=path,
        extra=filter_query(applied),
    )
    return _Asked(links, links.here(), applied, redirect)


def _split_period(query: QueryParams) -> str | None:
    """Return the query with the chosen period, if the form sent year and part apart."""
    if "year" not in query:
        return None
    part = query.get("part", "")
    period = Period.parse(f"{query['year']}-{part}" if part else query["year"])
    others = [(name, value) for name, value in _known_query(query) if name != "period"]
    return _query_string([*others, ("period", str(period))])


def _known_query(query: QueryParams) -> list[tuple[str, str]]:
    """Return the parameters that the page knows; others are dropped, so that no redirect repeats a foreign value."""
    known: list[tuple[str, str]] = []
    if "jurisdiction" in query:
        known.append(("jurisdiction", one_named(Jurisdiction, query["jurisdiction"]).value))
    if "period" in query:
        known.append(("period", str(Period.parse(query["period"]))))
    return [*known, *filter_query(filter_named(query))]


def _query_string(query: list[tuple[str, str]]) -> str:
    return f"?{urlencode(query, safe='/')}" if query else ""
