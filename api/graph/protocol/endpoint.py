"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): POST and GET on /graphql, and its page.

A document is read, measured, priced and checked before anything is asked of the database. An answer says in its
extensions which read models it used and how far they were, and what it cost. A request that names its own write in
`X-Position` waits for it, bounded, in the read models that it uses.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from graphql import DocumentNode
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from strawberry.types.graphql import OperationType

from api.graph.protocol.disclosed_persons import persons_in
from api.graph.protocol.documents import Document, DocumentRefusedError, Documents
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.requests import GRAPHQL, HTML, JSON, Wish, negotiated, wish_of
from api.graph.protocol.responses import Form, problem_response, refused_response, result_response
from api.graph.protocol.schema import GRAPHQL_SCHEMA, SCHEMA
from api.graph.protocol.trusted import TrustedDocuments, hash_of
from api.graph.queries.query_context import Figures, QueryContext
from api.web.access_record import record
from api.web.errors import Problem
from api.web.platform import Platform, caller_of
from api.web.read_barrier import ReadBarrier, wanted_position
from api.web.request_context import RequestContext, correlation_id_of, processing_activity, request_context
from api.web.sessions import viewer_in_session, viewer_of
from api.web.static_page import ScriptPage
from application.ports import Caller
from domain.access.access import AccessOutcome

PAGE = ScriptPage("api.graph.protocol", "page.css", "page.js")
OPEN = GraphPolicy()
"""The usual limits; for everybody every document, and the schema."""


def graphql_routes(platform: Platform, figures: Figures, policy: GraphPolicy = OPEN) -> list[BaseRoute]:
    """Return the routes of /graphql: the endpoint, and the page that a browser finds there with its two files."""
    endpoint = _Endpoint(platform, figures, policy)
    return [
        Route("/graphql", endpoint.get, methods=["GET"]),
        Route("/graphql", endpoint.post, methods=["POST"]),
        Route("/graphql/{name}", PAGE.file, methods=["GET"]),
    ]


class _Endpoint:
    def __init__(self, platform: Platform, figures: Figures, policy: GraphPolicy) -> None:
        self._platform = platform
        self._figures = figures
        self._policy = policy
        self._documents = Documents(GRAPHQL_SCHEMA, policy.limits)
        self._trusted = TrustedDocuments(policy.documents)
        # Every read is one statement: a transaction around it would only add two round trips.
        self._engine = platform.reads.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, request: Request) -> Response:
        if negotiated(request, (JSON, GRAPHQL, HTML)) == HTML:
            return await PAGE.index(request)
        return await self._answer(request)

    async def post(self, request: Request) -> Response:
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        correlation_id = correlation_id_of(request)
        media_type = negotiated(request, (JSON, GRAPHQL))
        if media_type is None:
            problem = Problem(406, "not-acceptable", f"The answer can be {JSON} or {GRAPHQL}.")
            return problem_response(problem, Form(media_type=JSON, correlation_id=correlation_id))
        form = Form(media_type=media_type, correlation_id=correlation_id)
        try:
            caller = await caller_of(request, self._platform)
            form = Form(media_type=media_type, correlation_id=correlation_id, hints=self._policy.may_introspect(caller))
            return await self._answered(request, caller, form)
        except DocumentRefusedError as refusal:
            return refused_response(refusal.errors, form)
        except Problem as problem:
            return problem_response(problem, form)

    async def _answered(self, request: Request, caller: Caller, form: Form) -> Response:
        wish = await wish_of(request)
        by = request_context(request, caller, self._platform.now(), processing_activity(request))
        document, cost = self._admitted(wish, by)
        self._policy.charge(request, caller, cost)
        context = await self._context(request, by, document.parsed)
        result = await SCHEMA.execute(
            None,
            variable_values=wish.variables,
            context_value=context,
            operation_name=wish.operation_name,
            allowed_operation_types=(OperationType.QUERY,),
        )
        if context.read_barrier.refusal is not None:
            raise context.read_barrier.refusal
        said: dict[str, Any] = {
            **context.read_barrier.provenance(),
            "cost": {"requested": cost, "most": self._policy.limits.cost},
        }
        if result.data is not None:
            outcome = AccessOutcome.ANSWERED_IN_PART if result.errors else AccessOutcome.ANSWERED
            await record(self._platform, by, await persons_in(context, self._platform.log), outcome)
        return result_response(result, form, said, await self._platform.log.log_id())

    def _admitted(self, wish: Wish, by: RequestContext) -> tuple[Document, int]:
        """Return the document and what it costs; refuse it without having asked the database anything."""
        caller = by.caller
        document = self._documents.read(self._text(wish, caller))
        cost = self._documents.cost(document, wish.operation_name, wish.variables)
        if document.introspects and not self._policy.may_introspect(caller):
            raise Problem(403, "introspection-not-allowed", "The schema is not told to you here.")
        document.check()
        if document.personal(wish.operation_name):
            by.must_name_activity()
        return document, cost

    def _text(self, wish: Wish, caller: Caller) -> str:
        """Return the document's text: what was sent, if it may be, or the trusted one that was named."""
        if wish.query is not None:
            if not self._policy.may_ask_ad_hoc(caller) and not self._is_trusted(wish.query, caller):
                detail = "Only documents on the list of your organisation are answered here."
                raise Problem(403, "ad-hoc-not-allowed", detail)
            return wish.query
        text = self._trusted.find(caller.organisation_id, wish.document_hash or "")
        if text is None:
            # By this text Apollo's clients know that they have to send the document itself.
            detail = "PersistedQueryNotFound" if wish.apollo else "No document of this hash is on your list."
            raise Problem(404, "document-not-found", detail)
        return text

    def _is_trusted(self, text: str, caller: Caller) -> bool:
        return self._trusted.find(caller.organisation_id, hash_of(text)) is not None

    async def _context(self, request: Request, by: RequestContext, document: DocumentNode) -> QueryContext:
        platform = self._platform
        wanted = wanted_position(request, await platform.log.log_id())
        return QueryContext(
            request=by,
            viewer=await viewer_of(request, platform, by),
            read_barrier=ReadBarrier(platform.places, await platform.places(), wanted),
            engine=self._engine,
            figures=self._figures,
            document=document,
            opener=platform.opener,
            viewer_in=partial(viewer_in_session, platform, by),
        )
