"""Organisations, their enrolments and services, and the service families of the bus: public to every caller."""

from __future__ import annotations

import strawberry

from api.graph.queries.groups import Dimension, by_columns, counted
from api.graph.queries.personal_text import personal_text
from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed, children_of, one_of
from api.graph.queries.row_types import of_row
from api.graph.queries.sources import FirstGivenSource, LinkSource, comes_from
from api.graph.queries.values import Long, described
from api.graph.types.erasure import ErasureNode, erasure_of
from domain.organisations.organisation.model import SoleTraderDeclared
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment, Recognition
from projections import enrolments, organisations, service_families, services, sole_traders
from projections.enrolments import Row as EnrolmentRow
from projections.figures.translations import Language
from projections.organisations import Row as OrganisationRow
from projections.row_security import RowColumn
from projections.service_families import Row as FamilyRow
from projections.services import Row as ServiceRow
from projections.sole_traders import Row as TraderRow

# --- Links to them --------------------------------------------------------------------------------------------------


def organisation_in(column: RowColumn, description: str | None = None) -> object:
    """Make a field of the organisation whose id a column holds, if it holds one."""

    async def resolve(root: object, info: Info) -> OrganisationNode | None:
        found = getattr(root, column.name)
        return await info.context.load_linked(OrganisationNode, OrganisationRow.organisation_id, found)

    source = LinkSource(organisations.READ_MODEL, OrganisationRow.organisation_id, column)
    return strawberry.field(resolver=resolve, description=description, metadata=comes_from(source))


def service_in(column: RowColumn) -> object:
    """Make a field of the service whose id a column holds, if it holds one."""

    async def resolve(root: object, info: Info) -> ServiceNode | None:
        return await service_of(info, getattr(root, column.name))

    source = LinkSource(services.READ_MODEL, ServiceRow.service_id, column)
    return strawberry.field(resolver=resolve, metadata=comes_from(source))


async def service_of(info: Info, service_id: str | None) -> ServiceNode | None:
    return await info.context.load_linked(ServiceNode, ServiceRow.service_id, service_id)


NAMES = FirstGivenSource("language", {first: [f"name_{it.value}" for it in (first, *Language)] for first in Language})
"""The name in a language, or else in the first of all in which it is known."""

# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type
class Named:
    """A base of types with a name in four languages; a name that is not known is empty."""

    name_nl: str | None
    name_fr: str | None
    name_de: str | None
    name_en: str | None

    @described("The name in a language, or else in the first in which it is known.", metadata=comes_from(NAMES))
    def name(self, language: Language) -> str | None:
        names = {spoken: getattr(self, f"name_{spoken.value}") for spoken in Language}
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

    organisation = organisation_in(EnrolmentRow.organisation_id)


@of_row(services.READ_MODEL, "Service", "An online service of an organisation.")
class ServiceNode(Named):
    organisation_id: strawberry.ID
    organisation = organisation_in(ServiceRow.organisation_id)


@of_row(organisations.READ_MODEL, "Organisation")
class OrganisationNode(Named):
    enterprise_number: str | None
    recognition: Recognition = strawberry.field(description="Where it stands as an identity provider.")
    recognition_conditions: str | None
    version: Long = strawberry.field(description="What a command that depends on it names in If-Match.")

    enrolments = children_of(
        EnrolmentNode,
        EnrolmentRow.organisation_id,
        "At most 200, the oldest first.",
        *(EnrolmentRow.enrolled_at, EnrolmentRow.enrolment, EnrolmentRow.enrolment_number),
    )
    services = children_of(
        ServiceNode, ServiceRow.organisation_id, "At most 200; the connection `services` has them all."
    )


@of_row(sole_traders.READ_MODEL, "SoleTrader", "An organisation that is the enterprise of one natural person.")
class SoleTraderNode:
    organisation = organisation_in(TraderRow.organisation_id)
    trader_name = personal_text(
        TraderRow.trader_name,
        ORGANISATION.stream,
        SoleTraderDeclared,
        "The name under which they trade; `organisation` has the number in its place.",
    )

    @described("How far their erasure is, if any of their data was to be erased.")
    async def erasure(self, info: Info, row: strawberry.Parent[TraderRow]) -> ErasureNode | None:
        return await erasure_of(info, row.organisation_id)


@of_row(service_families.READ_MODEL, "ServiceFamily", "A family of services on the bus, such as person or vehicle.")
class ServiceFamilyNode(Named):
    code: strawberry.ID
    authentic_source_id: strawberry.ID | None

    authentic_source = organisation_in(
        FamilyRow.authentic_source_id, "The organisation that keeps its authentic source."
    )


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class OrganisationQueries:
    organisation = one_of(OrganisationNode, together=True)
    organisations = Listed(
        OrganisationNode,
        (
            *(OrganisationRow.enterprise_number, OrganisationRow.jurisdiction),
            *(OrganisationRow.outside_government, OrganisationRow.registered_at),
        ),
        any_of=(OrganisationRow.organisation_type, OrganisationRow.level, OrganisationRow.recognition),
        by=(
            Dimension("TYPE", "organisation_type", OrganisationRow.organisation_type.column),
            *by_columns(OrganisationRow.level, OrganisationRow.jurisdiction, OrganisationRow.recognition),
        ),
        totals={"organisations": counted()},
    ).field("by_id")
    enrolments = Listed(
        EnrolmentNode,
        (EnrolmentRow.organisation_id, EnrolmentRow.jurisdiction, EnrolmentRow.enrolled_at, EnrolmentRow.ended_at),
        any_of=(EnrolmentRow.enrolment, EnrolmentRow.organisation_type),
    ).field("newest", "Enrolments past and present, the newest first.")
    sole_trader = one_of(SoleTraderNode)
    sole_traders = Listed(SoleTraderNode, (TraderRow.jurisdiction, TraderRow.declared_at)).field(
        "newest", "Sole traders, those declared last first."
    )
    service = one_of(ServiceNode, together=True)
    services = Listed(
        ServiceNode,
        (ServiceRow.organisation_id, ServiceRow.jurisdiction, ServiceRow.registered_at, ServiceRow.closed_at),
        any_of=(ServiceRow.audience, ServiceRow.minimum_level),
    ).field("by_id")
    service_families = Listed(ServiceFamilyNode, (FamilyRow.authentic_source_id,)).field("by_code")
