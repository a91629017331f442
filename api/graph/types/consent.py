"""Consents to digital post, and how many are in force at any instant."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, month_of, part
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Long, described
from api.graph.queries.visibility import visible
from api.graph.types.organisations import Organisation, organisation_of
from domain.kernel import Jurisdiction
from projections import consents
from projections.consents import TABLE, GrantStatus

NEWEST_FIRST = Order((TABLE.c.granted_at, TABLE.c.consent_id, TABLE.c.grant_number), newest_first=True)


strawberry.enum(GrantStatus, name="ConsentStatus")


@strawberry.type(description="One grant of a person to receive digital post at a mailbox provider.")
class Consent:
    consent_id: strawberry.ID
    grant_number: Long
    person_id: strawberry.ID
    provider_id: strawberry.ID
    jurisdiction: Jurisdiction
    status: GrantStatus
    notice_version: str | None
    acting_person_id: strawberry.ID
    mandate_id: strawberry.ID | None
    granted_at: datetime
    withdrawn_at: datetime | None

    @described("Of its own among all, for the caches of clients.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"{self.consent_id}.{self.grant_number}")

    @strawberry.field
    async def provider(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.provider_id)


@strawberry.type(description="Grants in force, and the persons who gave them: the two differ.")
class ActiveConsents:
    as_of: datetime
    consents: Long
    persons: Long


@strawberry.enum
class ConsentDimension(StrEnum):
    """By what consents are counted; the month is that of the grant."""

    MONTH = "month"
    PROVIDER = "provider_id"
    STATUS = "status"
    JURISDICTION = "jurisdiction"


DIMENSIONS = {
    "month": month_of(TABLE.c.granted_at),
    **{name: TABLE.c[name] for name in ("provider_id", "status", "jurisdiction")},
}


@strawberry.type
class ConsentTotal:
    month: str | None
    provider_id: strawberry.ID | None
    status: GrantStatus | None
    jurisdiction: Jurisdiction | None
    consents: Long
    persons: Long


@strawberry.type
class ConsentConnection(Connection[Consent]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[ConsentDimension]) -> list[ConsentTotal]:
        measures = (func.count().label("consents"), func.count(TABLE.c.person_id.distinct()).label("persons"))
        found: list[ConsentTotal] = await self.listing.totals(by, DIMENSIONS, *measures)
        return found


@strawberry.input
class ConsentFilter:
    person_id: strawberry.ID | None = None
    provider_id: strawberry.ID | None = None
    jurisdiction: Jurisdiction | None = None
    status: list[GrantStatus] | None = None
    granted_at: During | None = None
    withdrawn_at: During | None = None


@strawberry.type
class ConsentQueries:
    @described("Grants of consent, the newest first.")
    async def consents(
        self,
        info: Info,
        *,
        where: ConsentFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ConsentConnection:
        wanted = part(first, after, last, before)
        return ConsentConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, conditions(TABLE, where), wanted))

    @described("How many consents were in force at an instant, by default now.")
    async def active_consents(
        self, info: Info, jurisdiction: Jurisdiction, as_of: datetime | None = None
    ) -> ActiveConsents:
        at = as_of or info.context.now
        query = visible(info.context.caller, TABLE, consents.active_consents(jurisdiction.value, at))
        count, persons = tuple((await info.context.rows(query))[0])
        return ActiveConsents(as_of=at, consents=count, persons=persons)
