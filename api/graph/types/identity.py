"""People without personal data, their keys, authentications in numbers, and mandates: who may act for whom."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, part, summed, totals
from api.graph.queries.personal_text import PersonalText, opened
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Id, Long, Months, described
from api.graph.queries.visibility import check_own_service
from api.graph.types.erasure import Erasure, erasure_of
from api.graph.types.organisations import Organisation, Service, organisation_of, service_of
from api.web.errors import Problem
from domain.identity.person import PERSON, PersonRegistered
from domain.identity.values import Channel, EvidenceKind, KeyStatus, MandateKind, MandateStatus, Means, PartyKind, Route
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from projections import authentications, keys, mandates, people, service_use

PEOPLE, KEYS, MANDATES = people.TABLE, keys.TABLE, mandates.TABLE
COUNTS, USES = authentications.TABLE, service_use.TABLE

NEWEST_PERSON_FIRST = Order((PEOPLE.c.registered_at, PEOPLE.c.person_id), newest_first=True)
NEWEST_KEY_FIRST = Order((KEYS.c.registered_at, KEYS.c.key_id), newest_first=True)
NEWEST_MANDATE_FIRST = Order((MANDATES.c.began_at, MANDATES.c.mandate_id, MANDATES.c.period), newest_first=True)

MOST_MANDATES = 20
"""One answer names so many mandates; one is enough to act."""

# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type(description="A key: a means of identification that a provider gave a person.")
class Key:
    key_id: strawberry.ID = strawberry.field(name="id")
    person_id: strawberry.ID
    provider_id: strawberry.ID
    means: Means
    level: LevelOfAssurance
    jurisdiction: Jurisdiction
    status: KeyStatus
    evidence_kind: EvidenceKind | None
    evidence_id: strawberry.ID | None
    registered_at: datetime
    activated_at: datetime | None
    suspended_at: datetime | None
    ended_at: datetime | None
    valid_until: datetime | None

    @strawberry.field
    async def provider(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.provider_id)


@strawberry.type(description="A registered person, and how they were registered. No name is known here.")
class Person:
    person_id: strawberry.ID = strawberry.field(name="id")
    jurisdiction: Jurisdiction
    route: Route
    registered_at: datetime

    @described("The national number or, from another member state, the eIDAS identifier.", name="number")
    async def number_of_person(self, info: Info) -> PersonalText | None:
        sealed: str = self.number  # type: ignore[attr-defined]
        return await opened(info, sealed, PERSON.stream(self.person_id), PersonRegistered, "number")

    @described("How far their erasure is, if any of their data was to be erased.")
    async def erasure(self, info: Info) -> Erasure | None:
        found: Erasure | None = await erasure_of(info, self.person_id)
        return found

    @described("The keys that the caller may see; at most 200.")
    async def keys(self, info: Info) -> list[Key]:
        found: list[Key] = await info.context.children(KEYS, "person_id", self.person_id)
        return found


@strawberry.type(
    description="A mandate during one stretch of time: a suspension ends it, a resumption begins the next."
)
class Mandate:
    mandate_id: strawberry.ID
    period: Long
    kind: MandateKind
    mandator_id: strawberry.ID
    mandator_kind: PartyKind
    mandatary_id: strawberry.ID
    grantor_id: strawberry.ID
    parent_mandate_id: strawberry.ID | None
    jurisdiction: Jurisdiction
    valid_from: datetime
    valid_until: datetime
    status: MandateStatus
    latest: bool
    began_at: datetime
    active_at: datetime | None
    suspended_at: datetime | None
    ended_at: datetime | None

    @described("Of its own among all, for the caches of clients.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"{self.mandate_id}.{self.period}")

    @described("The services that it covers; none stands for every service.", name="serviceIds")
    def covered_service_ids(self) -> list[strawberry.ID]:
        ids: list[str] | None = self.service_ids  # type: ignore[attr-defined]
        return [strawberry.ID(it) for it in ids or ()]


@strawberry.type(description="Whether one may act for another, and the mandates that say so.")
class MayAct:
    at: datetime
    allowed: bool
    mandates: list[Mandate]
    asked_about: strawberry.Private[tuple[str, str]]


@strawberry.type(description="How many authentications there were in a group.")
class AuthenticationCount:
    month: str | None
    jurisdiction: Jurisdiction | None
    means: Means | None
    level: LevelOfAssurance | None
    service_id: strawberry.ID | None
    channel: Channel | None
    outcome: AuthenticationOutcome | None
    authentications: Long

    @strawberry.field
    async def service(self, info: Info) -> Service | None:
        return await service_of(info, self.service_id)


@strawberry.type(description="How often services were used, single sign-on included: what the index rests on.")
class ServiceUse:
    month: str | None
    jurisdiction: Jurisdiction | None
    audience: Audience | None
    service_id: strawberry.ID | None
    uses: Long

    @strawberry.field
    async def service(self, info: Info) -> Service | None:
        return await service_of(info, self.service_id)


# --- Groups and filters ---------------------------------------------------------------------------------------------


@strawberry.enum
class AuthenticationOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"


@strawberry.enum
class AuthenticationDimension(StrEnum):
    """By what authentications are counted."""

    MONTH = "month"
    JURISDICTION = "jurisdiction"
    MEANS = "means"
    LEVEL = "level"
    SERVICE = "service_id"
    CHANNEL = "channel"
    OUTCOME = "outcome"


@strawberry.input
class AuthenticationFilter:
    month: Months | None = strawberry.field(name="months", default=None)
    jurisdiction: Jurisdiction | None = None
    means: list[Means] | None = None
    level: list[LevelOfAssurance] | None = None
    service_id: list[strawberry.ID] | None = None
    channel: list[Channel] | None = None
    outcome: AuthenticationOutcome | None = None


@strawberry.enum
class ServiceUseDimension(StrEnum):
    """By what uses are counted."""

    MONTH = "month"
    JURISDICTION = "jurisdiction"
    AUDIENCE = "audience"
    SERVICE = "service_id"


@strawberry.input
class ServiceUseFilter:
    month: Months | None = strawberry.field(name="months", default=None)
    jurisdiction: Jurisdiction | None = None
    audience: list[Audience] | None = None
    service_id: list[strawberry.ID] | None = None


@strawberry.input
class PersonFilter:
    jurisdiction: Jurisdiction | None = None
    route: list[Route] | None = None
    registered_at: During | None = None


@strawberry.input
class KeyFilter:
    person_id: strawberry.ID | None = None
    provider_id: strawberry.ID | None = None
    jurisdiction: Jurisdiction | None = None
    means: list[Means] | None = None
    level: list[LevelOfAssurance] | None = None
    status: list[KeyStatus] | None = None
    registered_at: During | None = None


@strawberry.enum
class KeyDimension(StrEnum):
    """By what keys are counted."""

    MEANS = "means"
    STATUS = "status"
    LEVEL = "level"
    PROVIDER = "provider_id"
    JURISDICTION = "jurisdiction"


@strawberry.type
class KeyTotal:
    means: Means | None
    status: KeyStatus | None
    level: LevelOfAssurance | None
    provider_id: strawberry.ID | None
    jurisdiction: Jurisdiction | None
    keys: Long


@strawberry.input
class MandateFilter:
    mandator_id: strawberry.ID | None = None
    mandatary_id: strawberry.ID | None = None
    kind: list[MandateKind] | None = None
    status: list[MandateStatus] | None = None
    jurisdiction: Jurisdiction | None = None
    began_at: During | None = None


# --- Connections ----------------------------------------------------------------------------------------------------


@strawberry.type
class PersonConnection(Connection[Person]):
    pass


@strawberry.type
class KeyConnection(Connection[Key]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[KeyDimension]) -> list[KeyTotal]:
        dimensions = {it.value: KEYS.c[it.value] for it in KeyDimension}
        found: list[KeyTotal] = await self.listing.totals(by, dimensions, func.count().label("keys"))
        return found


@strawberry.type
class MandateConnection(Connection[Mandate]):
    pass


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class IdentityQueries:
    @strawberry.field
    async def person(self, info: Info, person_id: Id) -> Person | None:
        found: Person | None = await info.context.one(PEOPLE, person_id=person_id)
        return found

    @described("Registered persons, the newest first.")
    async def people(
        self,
        info: Info,
        *,
        where: PersonFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> PersonConnection:
        wanted = part(first, after, last, before)
        kept = conditions(PEOPLE, where)
        return PersonConnection(listing=Listing(info.context, PEOPLE, NEWEST_PERSON_FIRST, kept, wanted))

    @strawberry.field
    async def key(self, info: Info, key_id: Id) -> Key | None:
        found: Key | None = await info.context.one(KEYS, key_id=key_id)
        return found

    @described("Keys, the newest first.")
    async def keys(
        self,
        info: Info,
        *,
        where: KeyFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> KeyConnection:
        wanted = part(first, after, last, before)
        return KeyConnection(listing=Listing(info.context, KEYS, NEWEST_KEY_FIRST, conditions(KEYS, where), wanted))

    @described("The history of one mandate, a row for each stretch, the oldest first; at most 200.")
    async def mandate_history(self, info: Info, mandate_id: strawberry.ID) -> list[Mandate]:
        found: list[Mandate] = await info.context.children(MANDATES, "mandate_id", mandate_id, MANDATES.c.period)
        return found

    @described("Mandates as they stand now, the newest first.")
    async def mandates(
        self,
        info: Info,
        *,
        where: MandateFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MandateConnection:
        wanted = part(first, after, last, before)
        kept = [MANDATES.c.latest, *conditions(MANDATES, where)]
        return MandateConnection(listing=Listing(info.context, MANDATES, NEWEST_MANDATE_FIRST, kept, wanted))

    @described("May A act for B at service S? At any instant, by default now.")
    async def may_act(
        self,
        info: Info,
        mandatary_id: strawberry.ID,
        mandator_id: strawberry.ID,
        service_id: strawberry.ID,
        at: datetime | None = None,
    ) -> MayAct:
        service, instant = await service_of(info, service_id), at or info.context.now
        if service is None:
            raise Problem(404, "service-not-found", "There is no service with this id.")
        if not mandatary_id or not mandator_id:
            raise Problem(422, "party-missing", "Name who wants to act, and for whom.")
        check_own_service(info.context.caller, service.organisation_id)
        query = mandates.mandates_in_force(
            at=instant, mandatary_id=mandatary_id, mandator_id=mandator_id, service_id=service_id
        )
        query = query.order_by(MANDATES.c.mandate_id).limit(MOST_MANDATES)
        found: Any = await info.context.rows(query, mandator_id=mandator_id)
        about = (mandatary_id, mandator_id)
        return MayAct(at=instant, allowed=bool(found), mandates=list(found), asked_about=about)

    @described("Authentications in groups; agencies see those at their own services.")
    async def authentications(
        self, info: Info, by: list[AuthenticationDimension], where: AuthenticationFilter | None = None
    ) -> list[AuthenticationCount]:
        dimensions = {it.value: COUNTS.c[it.value] for it in AuthenticationDimension}
        kept, measure = conditions(COUNTS, where), summed(COUNTS.c.authentications)
        found: list[AuthenticationCount] = await totals(info.context, COUNTS, kept, by, dimensions, measure)
        return found

    @described("Uses of services in groups: for auditors and administrators.")
    async def service_use(
        self, info: Info, by: list[ServiceUseDimension], where: ServiceUseFilter | None = None
    ) -> list[ServiceUse]:
        dimensions = {it.value: USES.c[it.value] for it in ServiceUseDimension}
        kept, measure = conditions(USES, where), summed(USES.c.uses)
        found: list[ServiceUse] = await totals(info.context, USES, kept, by, dimensions, measure)
        return found
