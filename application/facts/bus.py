"""Facts for the bus: are both ends members, and does the service family exist?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import Enriched, FactReader, States
from domain.bus import AcceptTransaction, Member
from domain.organisations.organisation.model import holds
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service_family import SERVICE_FAMILY
from domain.organisations.values import Enrolment


def _who_and_what(command: AcceptTransaction, states: States) -> Enriched[AcceptTransaction]:
    family = states.state(SERVICE_FAMILY, command.service_family)
    return Enriched(
        replace(
            command,
            source=_member(command.by, states),
            target=_member(command.target_id, states),
            service_family_exists=family.exists,
        )
    )


def _member(organisation_id: str, states: States) -> Member:
    organisation = states.state(ORGANISATION, organisation_id)
    return Member(
        organisation_id=organisation_id,
        enrolled=holds(organisation, Enrolment.BUS_MEMBER),
        jurisdiction=organisation.jurisdiction,
    )


READERS: Mapping[type, FactReader] = {AcceptTransaction: _who_and_what}
