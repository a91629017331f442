"""Facts for organisations: is the provider of a service enrolled, and does the holder of an authentic source exist?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import Enriched, FactReader, States
from domain.kernel import OrganisationFacts
from domain.organisations.organisation.model import holds
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import RegisterService
from domain.organisations.service_family import RegisterServiceFamily
from domain.organisations.values import Enrolment


def enrolled_as(enrolment: Enrolment, organisation_id: str, states: States) -> OrganisationFacts:
    """Return whether an organisation is enrolled in a role, and its jurisdiction.

    Any context whose facts ask this may use it.
    """
    organisation = states.state(ORGANISATION, organisation_id)
    return OrganisationFacts(
        organisation_id=organisation_id,
        enrolled=holds(organisation, enrolment),
        jurisdiction=organisation.jurisdiction,
        island=organisation.island,
    )


def _provider_of_service(command: RegisterService, states: States) -> Enriched[RegisterService]:
    return Enriched(replace(command, provider=enrolled_as(Enrolment.SERVICE_PROVIDER, command.by, states)))


def _holder_of_source(command: RegisterServiceFamily, states: States) -> Enriched[RegisterServiceFamily]:
    if not command.authentic_source_id:
        return Enriched(command)
    return Enriched(replace(command, source_exists=states.state(ORGANISATION, command.authentic_source_id).exists))


READERS: Mapping[type, FactReader] = {
    RegisterService: _provider_of_service,
    RegisterServiceFamily: _holder_of_source,
}
