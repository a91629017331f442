"""One request to two applications over the same read models: what each answers, and what each puts on record."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import TypeAlias

import httpx2
from graphql import GraphQLObjectType, get_named_type, is_scalar_type
from prometheus_client import REGISTRY

from api.graph.protocol.limits import Limits
from api.graph.protocol.policy import GraphPolicy
from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.web.door_bounds import Bounds
from application.ports import Role
from domain.contexts import DECIDERS
from infrastructure.codec import Codec
from tests.api.world.access_rows import PERSONS, register
from tests.api.world.graph import Grants, application
from tests.api.world.hard_rows import PARTIES, SERVICES, hard_rows
from tests.api.world.random_documents import RandomDocument, Samples, literal
from tests.api.world.rows import WHY, rows_of
from tests.memory_log import MemoryLog

CODEC = Codec(DECIDERS)
WIDE = GraphPolicy(limits=Limits(tokens=2_000, depth=10, aliases=60, directives=60, cost=20_000))
NARROW = Bounds(own_write_wait_s=0.02, children=4, groups=12)
"""So narrow that rows are left out, and that nobody waits long for a position that does not come."""

AGAIN = 8
"""Times that a document is asked again where both ways differ."""

TURNS_BEFORE_GIVING_UP = 4
"""Turns of the event loop: the next request is given up so many later than the one before it."""

WAYS_TAKEN = "kroniek_graphql_documents_total"
HEADERS = ("content-type", "cache-control", "vary", "x-log-id", "retry-after")
ROLES = (*[Role.AUDITOR] * 3, *[Role.AGENCY] * 5, Role.ADMINISTRATOR, Role.SYSTEM)
ACCEPTED = ("application/json", "application/json", "application/graphql-response+json")


@dataclass(frozen=True, slots=True)
class CallerOfBoth:
    """Who sends a document to both applications, and with which headers."""

    token: str
    headers: Mapping[str, str]
    by_address: bool = False

    def __str__(self) -> str:
        return f"{self.token}{' GET' if self.by_address else ''} {json.dumps(self.headers, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class AnswerOfOne:
    """What one of the applications answered, without correlation ids; and what it recorded, without ids of its own."""

    status: int
    headers: Mapping[str, str]
    body: str
    recorded: Sequence[str] = ()

    @property
    def is_full(self) -> bool:
        """Whether there are data, and no errors."""
        return self.body.startswith('{"data"')

    def could_be(self, others: Sequence[AnswerOfOne]) -> bool:
        """Return whether this is an answer like others of one document, whose fields may end in any order.

        Once a field has failed of which something must be answered, those beside it may still be read or not, and fail
        or not: the errors are some of those that there can be.
        """
        alike = [it for it in others if it.with_data == self.with_data and it.recorded == self.recorded]
        parts = {part for it in alike for part in it.parts}
        return self in alike or (bool(alike) and not self.is_full and self.parts <= parts)

    @property
    def with_data(self) -> tuple[int, Mapping[str, str], str]:
        """The answer without its errors and extensions."""
        return self.status, self.headers, json.dumps(json.loads(self.body).get("data"))

    @property
    def parts(self) -> set[str]:
        """The errors and the read models of the answer."""
        body = json.loads(self.body)
        return {json.dumps(it) for it in (*body.get("errors", ()), *body.get("extensions", {}).get("readModels", ()))}

    def __str__(self) -> str:
        return "\n    ".join((f"{self.status} {json.dumps(self.headers)}", self.body, *self.recorded))


Asked: TypeAlias = tuple[RandomDocument, CallerOfBoth]


class BothWays:
    """Two applications, the first with plans, the second without; they share the rows and the log."""

    def __init__(self, planned: httpx2.AsyncClient, standard: httpx2.AsyncClient, grants: Granted) -> None:
        self.samples = Samples(sessions=[it for own in grants.sessions.values() for it in own])
        self._planned = planned
        self._standard = standard
        self._log = grants.log
        self._seen = len(grants.log.rows)

    async def ask(self, asked: RandomDocument, caller: CallerOfBoth) -> tuple[AnswerOfOne, AnswerOfOne]:
        """Return the answers of both, the planned one first."""
        return await self._of(self._planned, asked, caller), await self._of(self._standard, asked, caller)

    async def ask_at_once(
        self, asked: Sequence[Asked], given_up: Sequence[Asked]
    ) -> Sequence[tuple[AnswerOfOne, AnswerOfOne]]:
        """Return the answers of both: the planned ones of all at once, beside others that nobody waits for to the end.

        What is on record is left out: of those that were given up, some may be there.
        """
        others = [asyncio.create_task(self._answer(self._planned, *it)) for it in given_up]
        planned = [asyncio.create_task(self._answer(self._planned, *it)) for it in asked]
        for turns, other in enumerate(others):
            for _ in range(TURNS_BEFORE_GIVING_UP * turns):
                await asyncio.sleep(0)
            other.cancel()
        found = await asyncio.gather(*planned)
        await asyncio.gather(*others, return_exceptions=True)
        return list(zip(found, [await self._answer(self._standard, *it) for it in asked], strict=True))

    async def is_timing(self, asked: RandomDocument, caller: CallerOfBoth, planned: AnswerOfOne) -> bool:
        """Return whether the standard way, asked again, could give the planned answer too."""
        again = [await self._of(self._standard, asked, caller) for _ in range(AGAIN)]
        return planned.could_be(again)

    async def _of(self, client: httpx2.AsyncClient, asked: RandomDocument, caller: CallerOfBoth) -> AnswerOfOne:
        answer = await self._answer(client, asked, caller)
        return replace(answer, recorded=list(self._recorded()))

    async def _answer(self, client: httpx2.AsyncClient, asked: RandomDocument, caller: CallerOfBoth) -> AnswerOfOne:
        body = {"query": asked.text, "variables": asked.variables, "operationName": asked.operation_name}
        headers = {"Authorization": f"Bearer {caller.token}", **caller.headers}
        if caller.by_address:
            parameters = {"query": asked.text, "variables": json.dumps(asked.variables)}
            parameters |= {} if asked.operation_name is None else {"operationName": asked.operation_name}
            answer = await client.get("/graphql", params=parameters, headers=headers)
        else:
            answer = await client.post("/graphql", json=body, headers=headers)
        found = answer.json()
        for error in found.get("errors", ()):
            assert error["extensions"].pop("correlationId")
        for read_model in found.get("extensions", {}).get("readModels", ()):
            # Beside a log, the lag grows between the two.
            assert read_model.pop("lagS") >= 0
        return AnswerOfOne(
            status=answer.status_code,
            headers={name: answer.headers[name] for name in HEADERS if name in answer.headers},
            body=json.dumps(found, ensure_ascii=False),
        )

    def _recorded(self) -> Iterator[str]:
        """Return what was recorded since the last time."""
        rows, self._seen = self._log.rows[self._seen :], len(self._log.rows)
        for row in rows:
            event = replace(CODEC.decode(row.name, row.payload), access_id="")
            yield f"{event} {replace(row.context, command_id='', correlation_id='')}"

    # --- What there is to ask for -----------------------------------------------------------------------------------

    async def learn(self) -> None:
        """Fill the samples with what an auditor sees: the rows of each list, and the cursors of its ends and middle."""
        query = GRAPHQL_SCHEMA.query_type
        assert query is not None
        auditor = CallerOfBoth("auditor:org-a", {"Processing-Activity": WHY})
        for root, known in query.fields.items():
            connection = get_named_type(known.type)
            if not isinstance(connection, GraphQLObjectType) or not connection.name.endswith("Connection"):
                continue
            node = get_named_type(get_named_type(connection.fields["edges"].type).fields["node"].type)
            leaves = " ".join(
                name for name, it in node.fields.items() if is_scalar_type(get_named_type(it.type)) and not it.args
            )
            of_mailbox = next(iter(self.samples.by_field.get("mailboxId", ["person-0"])))
            given = "(first: 100)" if root != "inbox" else f"(first: 100, mailboxId: {literal(of_mailbox)})"
            text = f"{{ {root}{given} {{ edges {{ cursor node {{ {leaves} }} }} }} }}"
            found = json.loads((await self._of(self._standard, RandomDocument(text, None), auditor)).body)
            assert found.get("data") is not None, found
            edges = found["data"][root]["edges"]
            self.samples.cursors[root] = [edge["cursor"] for edge in edges]
            for edge in edges:
                self.samples.learn(node.name, edge["node"])
        self.samples.ids["Figure"] = self.samples.ids["FigurePoint"] = ["messages_sent", "consents_given", "keys"]


@asynccontextmanager
async def both_ways(url: str, grants: Granted) -> AsyncIterator[BothWays]:
    """Run both applications over the rows at `url`; nothing else writes or reads there."""
    apps = [application(url, replace(WIDE, planned=planned), grants.log, bounds=NARROW) for planned in (True, False)]
    planned, standard = [
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://kroniek") for app, _ in apps
    ]
    both, loop = BothWays(planned, standard, grants), asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    # Nobody asks for the errors of fields that the executor gave up, because another had failed.
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        await both.learn()
        yield both
    finally:
        gc.collect()
        loop.set_exception_handler(usual)
        for (_, models), client in zip(apps, (planned, standard), strict=True):
            await client.aclose()
            await models.aclose()


def write_hard_rows(url: str, random: Random) -> None:
    engine = rows_of(url)
    with engine.begin() as connection:
        for table, written in hard_rows(random):
            connection.execute(table.insert(), list(written))
    engine.dispose()


def documents_planned() -> float:
    """Return how many documents of this process were answered by a plan."""
    return REGISTRY.get_sample_value(WAYS_TAKEN, {"way": "planned"}) or 0.0


# --- Callers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Granted:
    """A log with persons in it, and the sessions and mandates under which organisations see their data."""

    log: MemoryLog
    sessions: Mapping[str, Sequence[str]]
    mandates: Sequence[str]


def granted() -> Granted:
    """Write persons, sessions, consents and mandates to a new log. Not to be called where an event loop runs."""
    grants = Grants(MemoryLog(CODEC))
    asyncio.run(register(grants.log))
    mandates = [grants.mandate("person-3", "person-0"), grants.mandate("org-d", "person-2", (SERVICES[0], "org-a"))]
    sessions = {
        organisation: [
            grants.session(person, organisation, service) for person, service in product(PERSONS, SERVICES[:2])
        ]
        for organisation in PARTIES[:3]
    }
    grants.consent("person-0", "org-a")
    grants.consent("person-1", "org-a", withdrawn=True)
    grants.consent("person-3", "org-a")
    return Granted(grants.log, sessions, mandates)


class Callers:
    """Makes callers of all roles and organisations, some in a session, some who forget what they have to name."""

    def __init__(
        self, random: Random, granted: Granted, organisations: Sequence[str] = ("org-a", "org-a", *PARTIES[1:4])
    ) -> None:
        self._random = random
        self._granted = granted
        self._organisations = organisations

    def make(self) -> CallerOfBoth:
        random = self._random
        organisation = random.choice((*self._organisations, "of-nothing", ""))
        via = random.choice(("", "", "", " via org-b"))
        headers = {"Accept": random.choice(ACCEPTED)}
        if random.random() > 0.02:
            headers["Processing-Activity"] = WHY if random.random() > 0.01 else "7"
        if random.random() < (0.5 if organisation in self._granted.sessions else 0.03):
            own = self._granted.sessions.get(organisation, ()) if random.random() < 0.95 else ()
            headers["Session-Id"] = random.choice(own or ("no-session", *self._granted.sessions["org-a"]))
            if random.random() < 0.3:
                headers["Mandate-Id"] = random.choice((*self._granted.mandates, "no-mandate"))
        if random.random() < 0.03:
            headers["X-Position"] = random.choice(("0", "42", "43", "x"))
        role = random.choice(ROLES)
        return CallerOfBoth(f"{role.value}:{organisation}{via}", headers, by_address=random.random() < 0.04)
