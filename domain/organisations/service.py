"""An online service of an organisation: for an audience, at a minimum level of assurance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

from domain.kernel import (
    Audience,
    CommandBase,
    Decider,
    Duplicate,
    Jurisdiction,
    LevelOfAssurance,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    fact,
)
from domain.organisations.values import Names

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRegistered:
    service_id: str
    organisation_id: str
    names: Names
    audience: Audience
    minimum_level: LevelOfAssurance
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClosed:
    service_id: str
    organisation_id: str
    jurisdiction: Jurisdiction


ServiceEvent = ServiceRegistered | ServiceClosed

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "service-register"
    service_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterService(ServiceCommand):
    """The service belongs to the organisation that registers it."""

    names: Names
    audience: Audience
    minimum_level: LevelOfAssurance
    provider: OrganisationFacts = fact(OrganisationFacts())


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseService(ServiceCommand):
    pass


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    exists: bool = False
    open: bool = False
    organisation_id: str = ""
    audience: Audience = Audience.CITIZEN
    minimum_level: LevelOfAssurance = LevelOfAssurance.HIGH
    jurisdiction: Jurisdiction = Jurisdiction.BE


# --- Rules ----------------------------------------------------------------------------------------------------------


def _register(command: RegisterService, state: Service) -> Sequence[ServiceEvent]:
    if not command.provider.enrolled or command.by != command.provider.organisation_id:
        raise NotAllowed("not-a-service-provider", "This organisation is not enrolled as a service provider.")
    if state.exists:
        raise Duplicate("service-exists", "There is a service with this id already.")
    return [
        ServiceRegistered(
            service_id=command.service_id,
            organisation_id=command.provider.organisation_id,
            names=command.names,
            audience=command.audience,
            minimum_level=command.minimum_level,
            jurisdiction=command.provider.jurisdiction,
        )
    ]


def _close(command: CloseService, state: Service) -> Sequence[ServiceEvent]:
    if not state.exists:
        raise NotFound("service-not-found", "There is no service with this id.")
    if command.by != state.organisation_id:
        raise NotAllowed("not-your-service", "Only the organisation that offers the service can close it.")
    if not state.open:
        return []
    return [
        ServiceClosed(
            service_id=command.service_id, organisation_id=state.organisation_id, jurisdiction=state.jurisdiction
        )
    ]


def evolve(state: Service, event: ServiceEvent) -> Service:
    match event:
        case ServiceRegistered():
            return Service(
                exists=True,
                open=True,
                organisation_id=event.organisation_id,
                audience=event.audience,
                minimum_level=event.minimum_level,
                jurisdiction=event.jurisdiction,
            )
        case ServiceClosed():
            return replace(state, open=False)
        case _:
            assert_never(event)


SERVICE: Decider[ServiceCommand, Service, ServiceEvent] = Decider(
    category="service",
    key=("service_id",),
    initial=Service(),
    rules={RegisterService: _register, CloseService: _close},
    evolve=evolve,
    events={
        "organisations.service-registered.v1": ServiceRegistered,
        "organisations.service-closed.v1": ServiceClosed,
    },
)
