"""Organisations, their enrolments and services, and the service families of the bus: public to every caller."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.asking import Info
from api.graph.connections import Connection, Listing, Order, conditions, part
from api.graph.values import During, Long
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.values import Enrolment as EnrolmentRole
from domain.organisations.values import Level, OrganisationType, Recognition
from projections import enrolments, organisations, service_families, services

BY_ID = Order((organisations.TABLE.c.organisation_id,))
SERVICES_BY_ID = Order((services.TABLE.c.service_id,))
BY_CODE = Order((service_families.TABLE.c.code,))
NEWEST_ENROLMENT_FIRST = Order(
    tuple(enrolments.TABLE.c[name] for name in ("enrolled_at", "organisation_id", "enrolment", "enrolment_number")),
    newest_first=True,
)

# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type(description="A name in the languages in which it is known.")
class Names:
    nl: str | None
    fr: str | None
    de: str | None
    en: str | None


class Named:
    """A row with a name in four languages."""

    name_nl: strawberry.Private[str]
    name_fr: strawberry.Private[str]
    name_de: strawberry.Private[str]
    name_en: strawberry.Private[str]


@strawberry.type(description="A period in which an organisation holds or held a role.")
class Enrolment:
    organisation_id: strawberry.ID
    role: EnrolmentRole = strawberry.field(resolver=lambda root: root.enrolment)
    enrolment_number: Long
    jurisdiction: Jurisdiction
    organisation_type: OrganisationType
    double_channel_until: date | None
    enrolled_at: datetime
    ended_at: datetime | None

    @strawberry.field
    async def organisation(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.organisation_id)
