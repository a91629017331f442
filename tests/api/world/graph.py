"""Read models filled row by row, and the GraphQL endpoint over them: what the tests of the graph share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from sqlalchemy import Engine, Table, event
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from api.composition.error_answers import problem_of_error
from api.graph.protocol.endpoint import OPEN, graphql_routes
from api.graph.protocol.policy import GraphPolicy
from api.web.ahead import DoorsAhead
from api.web.cached_reading import CachedReading
from api.web.door_bounds import BOUNDS, Bounds
from api.web.known_places import known_places
from api.web.platform import Platform
from application.gathering import Rules
from application.ports import Append, Caller, Credentials, Role, Sealed
from application.registry import BY_COMMAND, READERS
from application.token_refusals import TokenRefusedError
from application.unit_of_work import StateCache
from domain import consent
from domain.consent import ConsentGranted, ConsentWithdrawn
from domain.contexts import DECIDERS
from domain.identity.mandate.model import MandateAccepted, MandateRequested, ServiceScope
from domain.identity.mandate.rules import MANDATE
from domain.identity.session import SESSION, AuthenticationSucceeded
from domain.identity.values import MandateKind
from domain.kernel import Context
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.read_models.reading import ReadModels
from infrastructure.read_models.statements import PLACES
from projections.prepared_statements import BoundStatement
from projections.progress import Place
from projections.registry import PROJECTIONS
from projections.row_security import Viewer
from tests.api.world.client import Answer, Client
from tests.api.world.rows import AT, WHY, row, rows_of
from tests.infrastructure.examples import example
from tests.infrastructure.read_tables import be_at
from tests.memory_log import MemoryLog

NOW = datetime(2022, 6, 1, 12, tzinfo=UTC)
POSITION = 42
ERASED = "sealed with a destroyed key"


class Grants:
    """Writes to a log what lets an organisation see the data of a person: sessions, consents and mandates."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self._serials = count(1)

    def session(self, person: str, organisation: str, service: str = "service") -> str:
        """Let a person authenticate at a service of an organisation; return the id of the session."""
        session_id = f"session-{next(self._serials)}"
        opened = replace(
            example(AuthenticationSucceeded),
            session_id=session_id,
            person_id=person,
            service_id=service,
            organisation_id=organisation,
            opened_at=NOW - timedelta(minutes=5),
            expires_at=NOW + timedelta(minutes=5),
        )
        self.record(SESSION.stream(session_id), opened)
        return session_id

    def consent(self, person: str, provider: str, *, withdrawn: bool = False) -> None:
        """Let a person choose a mailbox provider, and perhaps go back on it."""
        about: dict[str, Any] = {"person_id": person, "provider_id": provider, "grant_number": 1}
        events = [replace(example(ConsentGranted), **about)]
        events += [replace(example(ConsentWithdrawn), **about)] if withdrawn else []
        self.record(consent.CONSENT.stream(consent.consent_id(person, provider)), *events)

    def mandate(self, mandator: str, mandatary: str, *services: tuple[str, str], until: datetime = NOW) -> str:
        """Let somebody act for another at services, each with its organisation, or at every service."""
        mandate_id = f"mandate-{next(self._serials)}"
        requested = example(MandateRequested)
        kind = MandateKind.VOLUNTARY if services else MandateKind.LEGAL_REPRESENTATION
        terms = replace(
            requested.terms,
            kind=kind,
            mandator_id=mandator,
            mandatary_id=mandatary,
            grantor_id=mandator,
            parent_mandate_id="",
            services=tuple(ServiceScope(service_id=it, organisation_id=of) for it, of in services),
            valid_from=AT,
            valid_until=until + timedelta(days=1),
        )
        accepted = replace(example(MandateAccepted), mandate_id=mandate_id, period=1)
        self.record(
            MANDATE.stream(mandate_id), replace(requested, mandate_id=mandate_id, period=1, terms=terms), accepted
        )
        return mandate_id

    def record(self, stream: str, *events: Any) -> None:
        """Write events to the log as the first of a stream."""
        context = Context(acting_id="official-7", effective_at=AT)
        append = Append(stream=stream, events=events, expected={stream: 0}, context=context)
        asyncio.run(self.log.append([append]))


class Graph(Grants):
    """Asks the endpoint as some caller, and writes rows behind its back."""

    def __init__(self, anybody: Client, rows: Engine, queries: list[str], log: MemoryLog, models: ReadModels) -> None:
        super().__init__(log)
        self.anybody = anybody
        self.models = models
        self.queries = queries
        self._rows = rows

    def have(self, table: Table, *rows: Mapping[str, Any]) -> None:
        if rows:
            with self._rows.begin() as connection:
                connection.execute(table.insert(), [row(table, **given) for given in rows])

    def clear(self) -> None:
        with self._rows.begin() as connection:
            for projection in PROJECTIONS:
                connection.execute(projection.table.delete())
        self.queries.clear()

    def caller(self, role: Role = Role.AUDITOR, organisation: str = "org-a") -> Client:
        """Return who asks for a usual purpose; the endpoint believes what such a token says."""
        return Client(self.anybody.http, f"{role.value}:{organisation}", WHY)

    def asks(
        self,
        query: str,
        *,
        role: Role = Role.AUDITOR,
        organisation: str = "org-a",
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        return self.caller(role, organisation).asks(query, variables, headers)


async def authenticate(shown: Credentials) -> Caller:
    role, _, organisation = shown.token.partition(":")
    if role not in tuple(Role):
        raise TokenRefusedError
    organisation, _, supplier = organisation.partition(" via ")
    return Caller(subject="tester", role=Role(role), organisation_id=organisation, supplier_id=supplier)


async def opened(sealed: Sequence[Sealed]) -> Sequence[str | None]:
    """Stand for keys: the texts of these rows were never sealed, but those of the erased are gone."""
    return [None if each.text == ERASED else each.text for each in sealed]


def application(
    url: str,
    policy: GraphPolicy = OPEN,
    log: MemoryLog | None = None,
    *,
    bounds: Bounds = BOUNDS,
    statement_timeout_s: float | None = None,
    queries: list[str] | None = None,
) -> tuple[Starlette, ReadModels]:
    """Make the endpoint alone, over the tables of read models at `url`, which it closes when it ends.

    The texts of its queries are added to a list, if there is one.
    """
    be_at(url, POSITION)
    models = ReadModels(Addresses.at(url).reader, PROJECTIONS, statement_timeout_s)
    asked = [] if queries is None else queries

    @event.listens_for(models.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    async def read(organisation_id: str, viewer: Viewer, statements: Sequence[BoundStatement]) -> Any:
        asked.extend(it.statement.text.decode() for it in statements)
        return await models.read_statements(organisation_id, viewer, statements)

    async def places() -> Mapping[str, Place]:
        asked.append(PLACES.text)
        return await models.places()

    platform = Platform(
        log=log or MemoryLog(Codec(DECIDERS)),
        rules=Rules(deciders=BY_COMMAND, readers=READERS),
        state_cache=StateCache(),
        open_state=models.state,
        read_statements=read,
        seen_rows=models.seen_rows,
        authenticate=authenticate,
        opener=opened,
        # Tests move the read models by hand, and ask at once.
        places=CachedReading(known_places(places), max_age_s=0),
        now=lambda: NOW,
        keyed_hash=lambda content: sha256(content).digest(),
        bounds=bounds,
    )

    @asynccontextmanager
    async def closing(_app: Starlette) -> AsyncIterator[None]:
        yield
        await models.aclose()

    routes = graphql_routes(platform, models, policy)
    ahead = Middleware(DoorsAhead, routes=routes, problem_of=problem_of_error)
    return Starlette(routes=routes, middleware=[ahead], lifespan=closing), models


@contextmanager
def graph_over(
    url: str, policy: GraphPolicy = OPEN, *, bounds: Bounds = BOUNDS, statement_timeout_s: float | None = None
) -> Iterator[Graph]:
    log = MemoryLog(Codec(DECIDERS))
    queries: list[str] = []
    app, models = application(url, policy, log, bounds=bounds, statement_timeout_s=statement_timeout_s, queries=queries)
    rows = rows_of(url)
    with TestClient(app) as http:
        yield Graph(Client(http), rows, queries, log, models)
    rows.dispose()


def nodes(connection: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
