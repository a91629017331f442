"""Organisations, their enrolments and services, and the service families of the bus: public to every caller."""

from __future__ import annotations

from enum import StrEnum

import strawberry

from api.graph.queries.groups import counted
from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed, one_of
from api.graph.queries.row_types import by_columns, filter_on, grouping_of, of_row
from api.graph.queries.values import Long, described
from domain.organisations.values import Enrolment, Recognition
from projections import enrolments, organisations, service_families, services
from projections.enrolments import Row as EnrolmentRow
from projections.organisations import Row as OrganisationRow
from projections.service_families import Row as FamilyRow
from projections.services import Row as ServiceRow


@strawberry.enum
class Language(StrEnum):
    """The languages of the platform."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type
class Named:
    """What has a name in four languages; a name that is not known is empty."""

    name_nl: str | None
    name_fr: str | None
    name_de: str | None
    name_en: str | None

    @described("The name in a language, or else in the first in which it is known.")
    def name(self, language: Language) -> str | None:
        names = {it: getattr(self, f"name_{it.value}") for it in Language}
        return names[language] or next((name for name in names.values() if name), None)


@of_row(
    enrolments.READ_MODEL,
    "Enrolment",
    "A time during which an organisation holds or held a role.",
    hide=(EnrolmentRow.level, EnrolmentRow.outside_government),
    id_of_key=True,
)
class EnrolmentNode:
    enrolment: Enrolment = strawberry.field(name="role")

    @strawberry.field
    async def organisation(self, info: Info, row: strawberry.Parent[EnrolmentRow]) -> OrganisationNode | None:
        return await organisation_of(info, row.organisation_id)


@of_row(services.READ_MODEL, "Service", "An online service of an organisation.")
class ServiceNode(Named):
    organisation_id: strawberry.ID

    @strawberry.field
    async def organisation(self, info: Info, row: strawberry.Parent[ServiceRow]) -> OrganisationNode | None:
        return await organisation_of(info, row.organisation_id)


@of_row(organisations.READ_MODEL, "Organisation")
class OrganisationNode(Named):
    enterprise_number: str | None
    recognition: Recognition = strawberry.field(description="Where it stands as an identity provider.")
    recognition_conditions: str | None
    version: Long = strawberry.field(description="What a command that depends on it names in If-Match.")

    @described("At most 200, the oldest first.")
    async def enrolments(self, info: Info, row: strawberry.Parent[OrganisationRow]) -> list[EnrolmentNode]:
        c = enrolments.TABLE.c
        order = (c.enrolled_at, c.enrolment, c.enrolment_number)
        return await info.context.load_many(EnrolmentNode, c.organisation_id, row.organisation_id, *order)

    @described("At most 200; the connection `services` has them all.")
    async def services(self, info: Info, row: strawberry.Parent[OrganisationRow]) -> list[ServiceNode]:
        return await info.context.load_many(ServiceNode, services.TABLE.c.organisation_id, row.organisation_id)


@of_row(service_families.READ_MODEL, "ServiceFamily", "A family of services on the bus, such as person or vehicle.")
class ServiceFamilyNode(Named):
    code: strawberry.ID
    authentic_source_id: strawberry.ID | None

    @described("The organisation that keeps its authentic source.")
    async def authentic_source(self, info: Info, row: strawberry.Parent[FamilyRow]) -> OrganisationNode | None:
        return await organisation_of(info, row.authentic_source_id)


async def organisation_of(info: Info, organisation_id: str | None) -> OrganisationNode | None:
    return await info.context.load_linked(OrganisationNode, organisations.TABLE.c.organisation_id, organisation_id)


async def service_of(info: Info, service_id: str | None) -> ServiceNode | None:
    return await info.context.load_linked(ServiceNode, services.TABLE.c.service_id, service_id)


# --- Queries --------------------------------------------------------------------------------------------------------

ORGANISATIONS = Listed(
    OrganisationNode,
    filter_on(
        OrganisationNode,
        "OrganisationFilter",
        (
            OrganisationRow.enterprise_number,
            OrganisationRow.jurisdiction,
            OrganisationRow.outside_government,
            OrganisationRow.registered_at,
        ),
        any_of=(OrganisationRow.organisation_type, OrganisationRow.level, OrganisationRow.recognition),
    ),
    grouping_of(
        OrganisationNode,
        "Organisation",
        {
            "TYPE": OrganisationRow.organisation_type,
            **by_columns(OrganisationRow.level, OrganisationRow.jurisdiction, OrganisationRow.recognition),
        },
        {"organisations": counted()},
    ),
)
SERVICES = Listed(
    ServiceNode,
    filter_on(
        ServiceNode,
        "ServiceFilter",
        (ServiceRow.organisation_id, ServiceRow.jurisdiction, ServiceRow.registered_at, ServiceRow.closed_at),
        any_of=(ServiceRow.audience, ServiceRow.minimum_level),
    ),
)
FAMILIES = Listed(
    ServiceFamilyNode, filter_on(ServiceFamilyNode, "ServiceFamilyFilter", (FamilyRow.authentic_source_id,))
)
ENROLMENTS = Listed(
    EnrolmentNode,
    filter_on(
        EnrolmentNode,
        "EnrolmentFilter",
        (EnrolmentRow.organisation_id, EnrolmentRow.jurisdiction, EnrolmentRow.enrolled_at, EnrolmentRow.ended_at),
        any_of=(EnrolmentRow.enrolment, EnrolmentRow.organisation_type),
    ),
)


@strawberry.type
class OrganisationQueries:
    organisation = one_of(OrganisationNode, together=True)
    organisations = ORGANISATIONS.field("by_id")
    enrolments = ENROLMENTS.field("newest", "Enrolments past and present, the newest first.")
    service = one_of(ServiceNode, together=True)
    services = SERVICES.field("by_id")
    service_families = FAMILIES.field("by_code")
