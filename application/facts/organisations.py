"""Facts for organisations: is the provider of a service enrolled, and does the keeper of an authentic source exist?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import Enriched, FactReader, States
from domain.organisations.organisation.model import holds
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import RegisterService, ServiceProvider
from domain.organisations.service_family import RegisterServiceFamily
from domain.organisations.values import Enrolment


def _provider_of_service(command: RegisterService, states: States) -> Enriched[RegisterService]:
    organisation = states.state(ORGANISATION, command.by)
    provider = ServiceProvider(
        organisation_id=command.by,
        enrolled=holds(organisation, Enrolment.SERVICE_PROVIDER),
        jurisdiction=organisation.jurisdiction,
    )
    return Enriched(replace(command, provider=provider))


def _keeper_of_source(command: RegisterServiceFamily, states: States) -> Enriched[RegisterServiceFamily]:
    if not command.authentic_source_id:
        return Enriched(command)
    return Enriched(replace(command, source_exists=states.state(ORGANISATION, command.authentic_source_id).exists))


READERS: Mapping[type, FactReader] = {
    RegisterService: _provider_of_service,
    RegisterServiceFamily: _keeper_of_source,
}
