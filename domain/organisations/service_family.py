"""A service family of the bus: services about one subject, such as persons, enterprises or vehicles.

Its id is its code, which partners write in their own systems: it never changes. A family may rest on an authentic
source: the one register that is kept by law by one organisation, and that others must ask instead of the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from domain.kernel import CommandBase, Decider, Duplicate, NotFound, fact
from domain.kernel.kinds import OptionalId
from domain.organisations.values import FamilyCode, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFamilyRegistered:
    """`authentic_source_id` is the organisation that keeps the authentic source, or empty."""

    code: FamilyCode
    names: Names
    authentic_source_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterServiceFamily(CommandBase):
    ACTIVITY: ClassVar[str] = "service-register"
    code: FamilyCode
    names: Names
    authentic_source_id: str = ""
    source_exists: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFamily:
    registered: ServiceFamilyRegistered | None = None

    @property
    def exists(self) -> bool:
        return self.registered is not None


def _register(command: RegisterServiceFamily, state: ServiceFamily) -> Sequence[ServiceFamilyRegistered]:
    if command.authentic_source_id and not command.source_exists:
        raise NotFound("organisation-not-found", "The organisation that keeps the authentic source does not exist.")
    registered = ServiceFamilyRegistered(
        code=command.code, names=command.names, authentic_source_id=command.authentic_source_id
    )
    if state.registered == registered:
        return []
    if state.exists:
        raise Duplicate("service-family-exists", "There is another service family with this code.")
    return [registered]


def evolve(_state: ServiceFamily, event: ServiceFamilyRegistered) -> ServiceFamily:
    return ServiceFamily(registered=event)


# A category has no hyphen: the first one of a stream's name begins the id.
SERVICE_FAMILY: Decider[RegisterServiceFamily, ServiceFamily, ServiceFamilyRegistered] = Decider(
    category="service_family",
    key=("code",),
    initial=ServiceFamily(),
    rules={RegisterServiceFamily: _register},
    evolve=evolve,
    events={"organisations.service-family-registered.v1": ServiceFamilyRegistered},
)
