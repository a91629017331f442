"""Facts for the bus: are both ends members, and does the service family exist?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import FactReader, Informed, Known
from domain import organisations
from domain.bus import AcceptTransaction, Member


def _who_and_what(command: AcceptTransaction, known: Known) -> Informed[AcceptTransaction]:
    family = known.state(organisations.SERVICE_FAMILY, command.service_family)
    return Informed(
        replace(
            command,
            source=_member(command.by, known),
            target=_member(command.target_id, known),
            service_family_exists=family.exists,
        )
    )


def _member(organisation_id: str, known: Known) -> Member:
    organisation = known.state(organisations.ORGANISATION, organisation_id)
    return Member(
        organisation_id=organisation_id,
        enrolled=organisations.holds(organisation, organisations.Enrolment.BUS_MEMBER),
        jurisdiction=organisation.jurisdiction,
    )


READERS: Mapping[type, FactReader] = {AcceptTransaction: _who_and_what}
