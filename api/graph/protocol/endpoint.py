"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): POST and GET on /graphql, and its page.

A document is parsed, measured, planned and checked before the database is asked anything. The extensions of an answer
name the read models that it used with their positions, and its cost. A request that names its own write in `X-Position`
waits for it, bounded, in the read models that it uses.
"""

from __future__ import annotations

from functools import partial

from graphql import DocumentNode
from prometheus_client import Counter
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from api.graph.protocol.disclosed_persons import persons_in
from api.graph.protocol.documents import Document, DocumentRefusedError, Documents
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.requests import GRAPHQL, HTML, JSON, GraphRequest, graph_request, negotiated
from api.graph.protocol.responses import Form, planned_response, problem_response, refused_response, result_response
from api.graph.protocol.schema import GRAPHQL_SCHEMA, SCHEMA
from api.graph.protocol.trusted import TrustedDocuments, hash_of
from api.graph.queries.disclosure import Disclosure
from api.graph.queries.query_context import Figures, QueryContext
from api.graph.queries.slices import Slices
from api.web.access_record import AccessedSubjects, record
from api.web.errors import Problem, busy, query_too_slow, unavailable
from api.web.platform import Platform, caller_of
from api.web.read_barrier import read_barrier, wanted_position
from api.web.request_context import RequestContext, correlation_id_of, processing_activity, request_context
from api.web.request_reads import RequestReads
from api.web.sessions import viewer_in_session, viewer_of
from api.web.static_page import ScriptPage
from application.fair_turns import BusyError
from application.ports import Caller
from domain.access.access import AccessOutcome

WAYS = Counter("kroniek_graphql_documents", "Documents answered, by a plan or by the standard executor.", ["way"])
PLANNED, STANDARD = WAYS.labels("planned"), WAYS.labels("standard")

PAGE = ScriptPage("api.graph.protocol", "page.css", "page.js")
OPEN = GraphPolicy()
"""The default limits; every caller may send any document and ask for the schema."""


def graphql_routes(platform: Platform, figures: Figures, policy: GraphPolicy = OPEN) -> list[BaseRoute]:
    """Return the routes of /graphql: the endpoint, and the page that a browser finds there with its two files."""
    endpoint = _Endpoint(platform, figures, policy)
    return [
        Route("/graphql", endpoint.answer, methods=["GET", "POST"]),
        Route("/graphql/{name}", PAGE.file, methods=["GET"]),
    ]


class _Endpoint:
    def __init__(self, platform: Platform, figures: Figures, policy: GraphPolicy) -> None:
        self._platform = platform
        self._figures = figures
        self._policy = policy
        self._documents = Documents(GRAPHQL_SCHEMA, policy.limits, platform.bounds)
        self._trusted = TrustedDocuments(policy.documents)
        self._slices = Slices(platform.bounds.slice_s, platform.bounds.free_objects)

    async def answer(self, request: Request) -> Response:
        asks_by_address = request.method != "POST"
        media_type = negotiated(request, (JSON, GRAPHQL, HTML) if asks_by_address else (JSON, GRAPHQL))
        if media_type == HTML:
            return await PAGE.index(request)
        correlation_id = correlation_id_of(request)
        form = Form(media_type or JSON, correlation_id)
        if media_type is None:
            return problem_response(Problem(406, "not-acceptable", f"The answer can be {JSON} or {GRAPHQL}."), form)
        try:
            caller = await caller_of(request, self._platform)
            form = Form(media_type, correlation_id, hints=self._policy.may_introspect(caller))
            return await self._answered(request, caller, form)
        except DocumentRefusedError as refusal:
            return refused_response(refusal.errors, form)
        except BusyError as error:
            return problem_response(busy(error), form)
        except Problem as problem:
            return problem_response(problem, form)

    async def _answered(self, request: Request, caller: Caller, form: Form) -> Response:
        asked = await graph_request(request)
        by = request_context(request, caller, self._platform.now(), processing_activity(request))
        document, cost = await self._admitted(asked, by)
        await self._policy.charge(request, caller, cost)
        context = await self._context(request, by, document.parsed)
        plan = document.plan(asked.operation_name)
        await context.read_barrier.wait_for(document.tables(plan, context.viewer, self._figures.figure_tables))
        async with context.reads:
            data = await self._planned(document, asked, context)
            result = await self._executed(asked, context) if data is None else None
            if context.read_barrier.refusal is not None:
                raise context.read_barrier.refusal
            answered = result is None or result.data is not None
            persons = await persons_in(context, self._platform.log) if answered else AccessedSubjects()
        price = {"requested": cost, "most": self._policy.limits.cost}
        extensions = {**context.read_barrier.provenance(), "cost": price}
        if answered:
            in_part = result is not None and bool(result.errors)
            outcome = AccessOutcome.ANSWERED_IN_PART if in_part else AccessOutcome.ANSWERED
            await record(self._platform, by, persons, outcome)
        log_id = await self._platform.log.log_id()
        if result is None:
            assert data is not None
            return planned_response(data, form, extensions, log_id)
        return result_response(result, form, extensions, log_id)

    async def _planned(self, document: Document, asked: GraphRequest, context: QueryContext) -> bytes | None:
        """Return the JSON of the data by a plan; None where the standard executor has to answer."""
        if not self._policy.planned:
            return None
        name, read = asked.operation_name, self._platform.read_statements
        data = await document.planned.answer(name, asked.variables, context, read)
        if data is None:
            context.disclosure = Disclosure()
        else:
            PLANNED.inc()
        return data

    async def _executed(self, asked: GraphRequest, context: QueryContext) -> ExecutionResult:
        STANDARD.inc()
        return await SCHEMA.execute(
            None,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=(OperationType.QUERY,),
        )

    async def _admitted(self, asked: GraphRequest, by: RequestContext) -> tuple[Document, int]:
        """Return the document and its cost in points; refuse it before anything but the number of rows is asked for."""
        caller = by.caller
        document = self._documents.read(self._text(asked, caller))
        cost = self._documents.cost(document, asked.operation_name, asked.variables)
        if document.introspects and not self._policy.may_introspect(caller):
            raise Problem(403, "introspection-not-allowed", "The schema is not told to you here.")
        document.check()
        if document.plan(asked.operation_name).personal:
            by.must_name_activity()
        if counted := document.plan(asked.operation_name).counted:
            try:
                rows = {table: await self._platform.seen_rows(table, caller) for table in counted}
            except OperationalError as error:
                raise (query_too_slow(error) or unavailable()) from error
            cost = self._documents.cost(document, asked.operation_name, asked.variables, rows)
        return document, cost

    def _text(self, asked: GraphRequest, caller: Caller) -> str:
        """Return the text of the document: the one sent, if the caller may send it, or the trusted one named."""
        find = partial(self._trusted.find, caller.organisation_id)
        if asked.query is not None:
            if self._policy.may_ask_ad_hoc(caller) or find(hash_of(asked.query)) is not None:
                return asked.query
            raise Problem(
                403, "ad-hoc-not-allowed", "Only documents on the list of your organisation are answered here."
            )
        text = find(asked.document_hash or "")
        if text is None:
            # On this text Apollo's clients send the document itself.
            detail = "PersistedQueryNotFound" if asked.apollo else "No document of this hash is on your list."
            raise Problem(404, "document-not-found", detail)
        return text

    async def _context(self, request: Request, by: RequestContext, document: DocumentNode) -> QueryContext:
        platform = self._platform
        wanted = wanted_position(request, await platform.log.log_id())
        return QueryContext(
            request=by,
            viewer=await viewer_of(request, platform, by),
            read_barrier=await read_barrier(platform, wanted),
            reads=RequestReads(platform.open_state, by.caller.organisation_id),
            figures=self._figures,
            document=document,
            opener=platform.opener,
            viewer_in=partial(viewer_in_session, platform, by),
            bounds=platform.bounds,
            slices=self._slices,
        )
