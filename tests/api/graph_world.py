"""Read models filled row by row, and the GraphQL endpoint over them: what the tests of the graph share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.graph.protocol.endpoint import OPEN, graphql_routes
from api.graph.protocol.policy import GraphPolicy
from api.web.door_bounds import BOUNDS, Bounds
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
from projections import (
    access_suppressions,
    accesses,
    authentications,
    bus_counts,
    bus_transactions,
    consents,
    daily_counts,
    enrolments,
    erasures,
    invoice_counts,
    invoice_timeline,
    invoices,
    keys,
    legal_holds,
    mailboxes,
    mandates,
    message_counts,
    message_timeline,
    messages,
    open_rates,
    organisations,
    people,
    projection_acts,
    service_families,
    service_use,
    services,
)
from projections.registry import PROJECTIONS
from tests.infrastructure.examples import example
from tests.infrastructure.read_tables import be_at
from tests.infrastructure.viewed import as_events_fill
from tests.memory_log import MemoryLog

NOW = datetime(2022, 6, 1, 12, tzinfo=UTC)
AT = datetime(2022, 3, 1, 9, 30, tzinfo=UTC)
POSITION = 42
WHY = "https://register.example/activities/17"
ERASED = "sealed with a destroyed key"

USUAL: Mapping[Table, Mapping[str, Any]] = {
    organisations.Row.table: {"organisation_type": "municipality", "level": "local", "recognition": "none"},
    enrolments.Row.table: {"organisation_type": "municipality", "level": "local", "enrolment": "bus_member"},
    services.Row.table: {"audience": "citizen", "minimum_level": "substantial"},
    service_families.Row.table: {},
    people.Row.table: {"route": "national_register"},
    keys.Row.table: {"means": "eid", "level": "high", "status": "active", "evidence_kind": "primary_means"},
    authentications.Row.table: {
        "month": "2022-03",
        "means": "eid",
        "level": "high",
        "channel": "web",
        "outcome": "succeeded",
        "authentications": 1,
    },
    service_use.Row.table: {"month": "2022-03", "audience": "citizen", "uses": 1},
    mandates.Row.table: {
        "period": 1,
        "kind": "voluntary",
        "mandator_kind": "person",
        "mandator_id": "mandator",
        "mandatary_id": "mandatary",
        "grantor_id": "mandator",
        "status": "active",
        "latest": True,
        "valid_from": AT,
        "valid_until": AT + timedelta(days=365),
        "active_at": AT,
    },
    consents.Row.table: {"status": "granted", "grant_number": 1, "notice_version": "1", "acting_person_id": "person"},
    mailboxes.Row.table: {"owner_kind": "person", "address_status": "none"},
    messages.Row.table: {
        "owner_kind": "person",
        "sender_type": "municipality",
        "message_type": "permit",
        "channel": "digital",
        "channel_reason": "consent",
        "status": "published",
        "notification": "pending",
        "published_at": AT,
    },
    message_timeline.Row.table: {"version": 1, "happening": "sent"},
    message_counts.Row.table: {"month": "2022-03", "sender_type": "municipality", "channel": "digital", "sent": 1},
    open_rates.Row.table: {"period": "2022-03", "sender_type": "municipality", "published": 1},
    bus_transactions.Row.table: {
        "status": "accepted",
        "source_reference": "reference",
        "service_family": "person",
        "service": "person.consult",
        "activity": "child-benefit",
        "legal_basis": "law",
        "request_sha256": "digest",
        "request_size_bytes": 3_000_000_000,
    },
    bus_counts.Row.table: {"month": "2022-03", "service_family": "person", "accepted": 1},
    invoices.Row.table: {
        "kind": "invoice",
        "supplier_scheme": "0208",
        "supplier_number": "0123456749",
        "number": "2022-001",
        "status": "received",
        "payable_cents": 100,
        "currency": "EUR",
        "document_sha256": "digest",
        "media_type": "application/xml",
    },
    invoice_timeline.Row.table: {"version": 1, "step": "received"},
    invoice_counts.Row.table: {"month": "2022-03", "received": 1},
    daily_counts.Row.table: {"name": "consent.granted.v1", "events": 1},
    erasures.Row.table: {
        "identification": "shredded",
        "correspondence": "destroyed",
        "invoicing": "kept",
        "held_groups": ["invoicing"],
        "ground": "objection",
        "requested_at": AT,
    },
    legal_holds.Row.table: {"hold_id": "hold-1", "purpose": "invoicing", "ground": "invoice_retention"},
    projection_acts.Row.table: {
        "projection": "people",
        "act": "pause",
        "why": "a disk is full",
        "acting_id": "official-7",
    },
    accesses.Row.table: {"category": "messages", "acting_id": "official-7", "activity": WHY, "outcome": "answered"},
    access_suppressions.Row.table: {
        "ground": "article 23 GDPR, decision 12",
        "ordered_by": "official-9",
        "since": AT - timedelta(days=30),
        "until": AT + timedelta(days=365),
    },
}
"""What a row holds where a test does not say."""


def row(table: Table, **given: Any) -> dict[str, Any]:
    usual = {"jurisdiction": "be", **USUAL.get(table, {}), **given}
    return as_events_fill({column.name: usual.get(column.name, _empty(column)) for column in table.columns}) | given


def _empty(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    empty = {int: 0, bool: False, list: [], datetime: AT, date: date(2022, 3, 1)}
    return empty.get(column.type.python_type, "")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body["errors"]]


class Graph:
    """Asks the endpoint as some caller, and writes rows behind its back."""

    def __init__(self, client: TestClient, rows: Engine, queries: list[str], log: MemoryLog) -> None:
        self.client = client
        self.log = log
        self.queries = queries
        self._rows = rows
        self._serials = count(1)

    def have(self, table: Table, *rows: Mapping[str, Any]) -> None:
        if rows:
            with self._rows.begin() as connection:
                connection.execute(table.insert(), [row(table, **given) for given in rows])

    def clear(self) -> None:
        with self._rows.begin() as connection:
            for projection in PROJECTIONS:
                connection.execute(projection.table.delete())
        self.queries.clear()

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

    def ask(
        self,
        query: str,
        *,
        role: Role = Role.AUDITOR,
        organisation: str = "org-a",
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        response = self.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {role.value}:{organisation}", "Processing-Activity": WHY}
            | dict(headers or {}),
        )
        return Answer(response.status_code, response.headers, response.json())


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
) -> tuple[Starlette, ReadModels]:
    """Make the endpoint alone, over the tables of read models at `url`; the read models are to be closed."""
    be_at(url, POSITION)
    models = ReadModels(Addresses.at(url).reader, PROJECTIONS, statement_timeout_s)
    platform = Platform(
        log=log or MemoryLog(Codec(DECIDERS)),
        rules=Rules(deciders=BY_COMMAND, readers=READERS),
        state_cache=StateCache(),
        reads=models.engine,
        authenticate=authenticate,
        opener=opened,
        places=models.places,
        now=lambda: NOW,
        keyed_hash=lambda content: sha256(content).digest(),
        bounds=bounds,
    )
    return Starlette(routes=graphql_routes(platform, models, policy)), models


def rows_of(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


@contextmanager
def graph_over(
    url: str, policy: GraphPolicy = OPEN, *, bounds: Bounds = BOUNDS, statement_timeout_s: float | None = None
) -> Iterator[Graph]:
    log = MemoryLog(Codec(DECIDERS))
    app, models = application(url, policy, log, bounds=bounds, statement_timeout_s=statement_timeout_s)
    queries: list[str] = []

    @event.listens_for(models.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        queries.append(statement)

    rows = rows_of(url)
    with TestClient(app, raise_server_exceptions=True) as client:
        try:
            yield Graph(client, rows, queries, log)
        finally:
            assert client.portal is not None
            client.portal.call(models.aclose)
            rows.dispose()


@pytest.fixture(scope="module")
def shared_graph(module_read_models_url: str) -> Iterator[Graph]:
    with graph_over(module_read_models_url) as graph:
        yield graph


@pytest.fixture(name="graph")
def empty_graph(shared_graph: Graph) -> Graph:
    """The endpoint over read models without a row."""
    shared_graph.clear()
    return shared_graph


def nodes(connection: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
