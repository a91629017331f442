"""Organisations, their enrolments and services, and the service families of the bus: public to every caller."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, part
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Id, Long, described
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.values import Enrolment as EnrolmentRole
from domain.organisations.values import Level, OrganisationType, Recognition
from projections import enrolments, organisations, service_families, services

ORGANISATIONS, ENROLMENTS, SERVICES = organisations.TABLE, enrolments.TABLE, services.TABLE
FAMILIES = service_families.TABLE

BY_ID = Order((ORGANISATIONS.c.organisation_id,))
SERVICES_BY_ID = Order((SERVICES.c.service_id,))
BY_CODE = Order((FAMILIES.c.code,))
NEWEST_ENROLMENT_FIRST = Order(
    tuple(ENROLMENTS.c[name] for name in ("enrolled_at", "organisation_id", "enrolment", "enrolment_number")),
    newest_first=True,
)


@strawberry.enum
class Language(StrEnum):
    """The languages of the platform."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type(description="What has a name in four languages; a name that is not known is empty.")
class Named:
    name_nl: str | None
    name_fr: str | None
    name_de: str | None
    name_en: str | None

    @described("The name in a language, or else in the first in which it is known.")
    def name(self, language: Language) -> str | None:
        names = {it: getattr(self, f"name_{it.value}") for it in Language}
        return names[language] or next((name for name in names.values() if name), None)


@strawberry.type(description="A time during which an organisation holds or held a role.")
class Enrolment:
    organisation_id: strawberry.ID
    enrolment: EnrolmentRole = strawberry.field(name="role")
    enrolment_number: Long
    jurisdiction: Jurisdiction
    organisation_type: OrganisationType
    double_channel_until: date | None
    enrolled_at: datetime
    ended_at: datetime | None

    @described("Of its own among all, for the caches of clients.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"{self.organisation_id}.{self.enrolment}.{self.enrolment_number}")

    @strawberry.field
    async def organisation(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.organisation_id)


@strawberry.type(description="An online service of an organisation.")
class Service(Named):
    service_id: strawberry.ID = strawberry.field(name="id")
    organisation_id: strawberry.ID
    audience: Audience
    minimum_level: LevelOfAssurance
    jurisdiction: Jurisdiction
    registered_at: datetime
    closed_at: datetime | None

    @strawberry.field
    async def organisation(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.organisation_id)


@strawberry.type
class Organisation(Named):
    organisation_id: strawberry.ID = strawberry.field(name="id")
    organisation_type: OrganisationType
    level: Level
    enterprise_number: str | None
    jurisdiction: Jurisdiction
    outside_government: bool
    recognition: Recognition = strawberry.field(description="Where it stands as an identity provider.")
    recognition_conditions: str | None
    recognition_changed_at: datetime | None
    double_channel_until: date | None
    registered_at: datetime
    version: Long = strawberry.field(description="What a command that depends on it names in If-Match.")

    @described("At most 200, the oldest first.")
    async def enrolments(self, info: Info) -> list[Enrolment]:
        c = ENROLMENTS.c
        order = (c.enrolled_at, c.enrolment, c.enrolment_number)
        found: list[Enrolment] = await info.context.children(
            ENROLMENTS, "organisation_id", self.organisation_id, *order
        )
        return found

    @described("At most 200; the connection `services` has them all.")
    async def services(self, info: Info) -> list[Service]:
        found: list[Service] = await info.context.children(SERVICES, "organisation_id", self.organisation_id)
        return found


@strawberry.type(description="A family of services on the bus, such as person or vehicle.")
class ServiceFamily(Named):
    code: strawberry.ID
    authentic_source_id: strawberry.ID | None
    registered_at: datetime

    @described("The organisation that keeps its authentic source.")
    async def authentic_source(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.authentic_source_id)


async def organisation_of(info: Info, organisation_id: str | None) -> Organisation | None:
    found: Organisation | None = await info.context.linked(ORGANISATIONS, "organisation_id", organisation_id)
    return found


async def service_of(info: Info, service_id: str | None) -> Service | None:
    found: Service | None = await info.context.linked(SERVICES, "service_id", service_id)
    return found


# --- Connections ----------------------------------------------------------------------------------------------------


@strawberry.enum
class OrganisationDimension(StrEnum):
    """By what organisations are counted."""

    TYPE = "organisation_type"
    LEVEL = "level"
    JURISDICTION = "jurisdiction"
    RECOGNITION = "recognition"


@strawberry.type
class OrganisationTotal:
    organisation_type: OrganisationType | None
    level: Level | None
    jurisdiction: Jurisdiction | None
    recognition: Recognition | None
    organisations: Long


@strawberry.type
class OrganisationConnection(Connection[Organisation]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[OrganisationDimension]) -> list[OrganisationTotal]:
        dimensions = {it.value: ORGANISATIONS.c[it.value] for it in OrganisationDimension}
        found: list[OrganisationTotal] = await self.listing.totals(by, dimensions, func.count().label("organisations"))
        return found


@strawberry.type
class ServiceConnection(Connection[Service]):
    pass


@strawberry.type
class ServiceFamilyConnection(Connection[ServiceFamily]):
    pass


@strawberry.type
class EnrolmentConnection(Connection[Enrolment]):
    pass


@strawberry.input
class OrganisationFilter:
    organisation_type: list[OrganisationType] | None = None
    level: list[Level] | None = None
    enterprise_number: str | None = None
    jurisdiction: Jurisdiction | None = None
    outside_government: bool | None = None
    recognition: list[Recognition] | None = None
    registered_at: During | None = None


@strawberry.input
class ServiceFilter:
    organisation_id: strawberry.ID | None = None
    audience: list[Audience] | None = None
    minimum_level: list[LevelOfAssurance] | None = None
    jurisdiction: Jurisdiction | None = None
    registered_at: During | None = None
    closed_at: During | None = None


@strawberry.input
class ServiceFamilyFilter:
    authentic_source_id: strawberry.ID | None = None


@strawberry.input
class EnrolmentFilter:
    organisation_id: strawberry.ID | None = None
    enrolment: list[EnrolmentRole] | None = strawberry.field(name="role", default=None)
    organisation_type: list[OrganisationType] | None = None
    jurisdiction: Jurisdiction | None = None
    enrolled_at: During | None = None
    ended_at: During | None = None


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class OrganisationQueries:
    @strawberry.field
    async def organisation(self, info: Info, organisation_id: Id) -> Organisation | None:
        return await organisation_of(info, organisation_id)

    @strawberry.field
    async def organisations(
        self,
        info: Info,
        *,
        where: OrganisationFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> OrganisationConnection:
        wanted = part(first, after, last, before)
        kept = conditions(ORGANISATIONS, where)
        return OrganisationConnection(listing=Listing(info.context, ORGANISATIONS, BY_ID, kept, wanted))

    @described("Enrolments past and present, the newest first.")
    async def enrolments(
        self,
        info: Info,
        *,
        where: EnrolmentFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> EnrolmentConnection:
        wanted = part(first, after, last, before)
        kept = conditions(ENROLMENTS, where)
        return EnrolmentConnection(listing=Listing(info.context, ENROLMENTS, NEWEST_ENROLMENT_FIRST, kept, wanted))

    @strawberry.field
    async def service(self, info: Info, service_id: Id) -> Service | None:
        return await service_of(info, service_id)

    @strawberry.field
    async def services(
        self,
        info: Info,
        *,
        where: ServiceFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ServiceConnection:
        wanted = part(first, after, last, before)
        kept = conditions(SERVICES, where)
        return ServiceConnection(listing=Listing(info.context, SERVICES, SERVICES_BY_ID, kept, wanted))

    @strawberry.field
    async def service_families(
        self,
        info: Info,
        *,
        where: ServiceFamilyFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ServiceFamilyConnection:
        wanted = part(first, after, last, before)
        kept = conditions(FAMILIES, where)
        return ServiceFamilyConnection(listing=Listing(info.context, FAMILIES, BY_CODE, kept, wanted))
