"""The routes of the Digital Dashboard: server-rendered, no script, cached by the position of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.dashboard import texts
from api.dashboard.choice import (
    PageNotFound,
    filter_named,
    filter_query,
    jurisdiction_named,
    language_named,
    latest_period,
    parts,
    years,
)
from api.dashboard.content import Desk, figure_page, overview, table_of
from api.dashboard.i18n import DEFAULT, NAMES, Writer, accepted_language
from api.dashboard.links import ROOT, Links, slug
from api.dashboard.reader import FiguresReader, FiguresSnapshot
from api.dashboard.tables import as_csv
from domain.kernel import InvalidValue, Jurisdiction
from projections.effects import CIVIL_TIME
from projections.figures import DEFINITIONS, LANGUAGES, Definition, Language, Period
from projections.progress import NotBuiltError

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
READ = ["GET", "HEAD"]
ONE_YEAR_S = 31_536_000
BUILT_AFTER_S = 10
"""When to ask again while the read models are being made for the first time."""


Build = Callable[[Desk], Awaitable[Response]]


def dashboard_router(reader: FiguresReader, clock: Callable[[], datetime], *, sample: bool = False) -> APIRouter:
    """Make the routes under /dashboard. With `sample`, every page says that its history is made up."""
    return _Pages(reader, clock, sample=sample).router()


class _Pages:
    def __init__(self, reader: FiguresReader, clock: Callable[[], datetime], *, sample: bool) -> None:
        self.reader = reader
        self.clock = clock
        self.sample = sample
        here = Path(__file__).parent
        self.style = (here / "static" / "dashboard.css").read_bytes()
        self.style_version = hashlib.sha256(self.style).hexdigest()[:12]
        sources = [path.read_bytes() for path in sorted(here.glob("**/*")) if path.suffix in (".py", ".j2", ".css")]
        self.release = hashlib.sha256(b"".join(sources)).hexdigest()
        self.templates = Environment(
            loader=PackageLoader("api.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(
            texts=texts, languages=LANGUAGES, language_names=NAMES, jurisdictions=tuple(Jurisdiction), slug=slug
        )

    def router(self) -> APIRouter:
        router = APIRouter(prefix=ROOT, include_in_schema=False)
        for path, endpoint in (
            ("", self.entrance),
            ("/static/dashboard.css", self.stylesheet),
            ("/{language}", self.home),
            ("/{language}/figures", self.definitions),
            ("/{language}/figures/{figure}.csv", self.figure_csv),
            ("/{language}/figures/{figure}/{dimension}.csv", self.dimension_csv),
            ("/{language}/figures/{figure}", self.figure),
            ("/{rest:path}", self.missing),
        ):
            router.add_api_route(path, endpoint, methods=READ, response_class=Response)
        return router

    async def entrance(self, request: Request) -> Response:
        wished = request.query_params.get("lang")
        spoken = accepted_language(request.headers.get("accept-language", ""))
        try:
            language = language_named(wished) if wished else spoken
            query = _written(_known_query(request))
        except (PageNotFound, InvalidValue):
            return self._not_found(spoken)
        headers = {"Vary": "Accept-Language", "Cache-Control": "no-cache"}
        return RedirectResponse(f"{ROOT}/{language}{query}", status_code=307, headers=headers)

    async def stylesheet(self) -> Response:
        headers = {"Cache-Control": f"public, max-age={ONE_YEAR_S}, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(self.style, media_type="text/css", headers=headers)

    async def home(self, request: Request, language: str) -> Response:
        async def build(desk: Desk) -> Response:
            return self._html("dashboard.html.j2", desk.writer, self._frame(desk), await overview(desk))

        return await self._answer(request, language, "", build)

    async def definitions(self, request: Request, language: str) -> Response:
        async def build(desk: Desk) -> Response:
            return self._html(
                "definitions.html.j2", desk.writer, self._frame(desk), {"definitions": DEFINITIONS.values()}
            )

        return await self._answer(request, language, "/figures", build)

    async def figure(self, request: Request, language: str, figure: str) -> Response:
        async def build(desk: Desk) -> Response:
            shown = await figure_page(desk, _definition(figure))
            return self._html("figure.html.j2", desk.writer, self._frame(desk), shown)

        return await self._answer(request, language, f"/figures/{figure}", build)

    async def figure_csv(self, request: Request, language: str, figure: str) -> Response:
        return await self._table(request, language, figure, "")

    async def dimension_csv(self, request: Request, language: str, figure: str, dimension: str) -> Response:
        return await self._table(request, language, figure, dimension)

    async def missing(self, rest: str) -> Response:
        language = rest.split("/", maxsplit=1)[0]
        return self._not_found(language_named(language) if language in LANGUAGES else DEFAULT)

    # --- How every page is answered ---------------------------------------------------------------------------------

    async def _table(self, request: Request, language: str, figure: str, dimension: str) -> Response:
        async def build(desk: Desk) -> Response:
            table = await table_of(desk, _definition(figure), dimension.replace("-", "_"))
            name = "-".join(
                part for part in ("kroniek", desk.jurisdiction, figure, dimension, f"{desk.period}") if part
            )
            disposition = f'attachment; filename="{name.replace("/", "_")}.csv"'
            return Response(
                as_csv(table), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition}
            )

        return await self._answer(request, language, f"/figures/{figure}", build)

    async def _answer(self, request: Request, language: str, path: str, build: Build) -> Response:
        try:
            spoken = language_named(language)
        except PageNotFound:
            return self._not_found(DEFAULT)
        try:
            chosen = _split_period(request)
            if chosen is not None:
                return RedirectResponse(f"{request.url.path}{chosen}", status_code=307)
            async with self.reader.snapshot() as snapshot:
                return await self._from_snapshot(request, snapshot, spoken, path, build)
        except (PageNotFound, InvalidValue):
            return self._not_found(spoken)
        except NotBuiltError:
            return self._not_built(spoken)

    async def _from_snapshot(
        self, request: Request, snapshot: FiguresSnapshot, language: Language, path: str, build: Build
    ) -> Response:
        query = request.query_params
        now = self.clock()
        jurisdiction = jurisdiction_named(query.get("jurisdiction", Jurisdiction.BE.value))
        asked = Period.parse(query["period"]) if "period" in query else None
        applied = filter_named(query)
        headers = {**HEADERS, "ETag": self._etag(request, snapshot.position, now)}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        months = await snapshot.months(jurisdiction)
        period = asked or latest_period(months, now)
        links = Links(
            language=language, jurisdiction=jurisdiction, period=asked, path=path, extra=filter_query(applied)
        )
        writer = Writer(language)
        if period is None:
            response: Response = self._html("empty.html.j2", writer, self._empty_frame(links, now, snapshot.position))
        else:
            response = await build(
                Desk(
                    snapshot=snapshot,
                    months=months,
                    jurisdiction=jurisdiction,
                    period=period,
                    now=now,
                    applied=applied,
                    writer=writer,
                    links=links,
                )
            )
        response.headers.update(headers)
        return response

    def _etag(self, request: Request, position: int, now: datetime) -> str:
        """Name what is shown: it changes with the log, the address, the day in civil time, and the page's own files."""
        day = now.astimezone(CIVIL_TIME).date()
        said = f"{self.release} {position} {day} {request.url.path}?{request.url.query} {self.sample}"
        return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:24]}"'

    def _frame(self, desk: Desk) -> dict[str, Any]:
        frame = self._empty_frame(desk.links, desk.now, desk.snapshot.position)
        return {**frame, "period": desk.period, "years": years(desk.months, desk.period), "parts": parts(desk.writer)}

    def _empty_frame(self, links: Links, now: datetime, position: int) -> dict[str, Any]:
        return {"links": links, "jurisdiction": links.jurisdiction, "now": now, "position": position}

    def _html(self, template: str, writer: Writer, *shown: dict[str, Any], status: int = 200) -> HTMLResponse:
        context: dict[str, Any] = {
            "w": writer,
            "t": writer.text,
            "sample": self.sample,
            "style_url": f"{ROOT}/static/dashboard.css?v={self.style_version}",
        }
        for part in shown:
            context |= part
        page = self.templates.get_template(template).render(context)
        return HTMLResponse(page, status_code=status, headers={"Content-Language": writer.language})

    def _not_found(self, language: Language) -> Response:
        return self._without_figures("not_found.html.j2", language, 404)

    def _not_built(self, language: Language) -> Response:
        """Say that there is nothing to count in yet: figures of nothing would be false ones."""
        response = self._without_figures("not_built.html.j2", language, 503)
        response.headers.update({"Retry-After": str(BUILT_AFTER_S), "Cache-Control": "no-store"})
        return response

    def _without_figures(self, template: str, language: Language, status: int) -> Response:
        links = Links(language=language, jurisdiction=Jurisdiction.BE, period=None)
        shown = {"links": links, "jurisdiction": links.jurisdiction}
        response = self._html(template, Writer(language), shown, status=status)
        response.headers.update(HEADERS)
        return response


def _definition(figure: str) -> Definition:
    found = DEFINITIONS.get(figure.replace("-", "_"))
    if found is None or slug(found.id) != figure:
        raise PageNotFound
    return found


def _split_period(request: Request) -> str | None:
    """Return the query of the one address that a choice of year and part leads to, if the form sent them apart."""
    query = request.query_params
    if "year" not in query:
        return None
    part = query.get("part", "")
    period = Period.parse(f"{query['year']}-{part}" if part else query["year"])
    others = [(name, value) for name, value in _known_query(request) if name != "period"]
    return _written([*others, ("period", str(period))])


def _known_query(request: Request) -> list[tuple[str, str]]:
    """Keep what an address of ours may say; anything else is dropped, so that nothing foreign is sent back."""
    query = request.query_params
    known: list[tuple[str, str]] = []
    if "jurisdiction" in query:
        known.append(("jurisdiction", jurisdiction_named(query["jurisdiction"]).value))
    if "period" in query:
        known.append(("period", str(Period.parse(query["period"]))))
    return [*known, *filter_query(filter_named(query))]


def _written(query: list[tuple[str, str]]) -> str:
    return f"?{urlencode(query, safe='/')}" if query else ""
