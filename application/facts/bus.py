"""Facts for the bus: are both ends members, and does the service family exist?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from domain.bus import AcceptTransaction
from domain.organisations.service_family import SERVICE_FAMILY
from domain.organisations.values import Enrolment


def _who_and_what(command: AcceptTransaction, states: States) -> Enriched[AcceptTransaction]:
    return Enriched(
        replace(
            command,
            source=enrolled_as(Enrolment.BUS_MEMBER, command.by, states),
            target=enrolled_as(Enrolment.BUS_MEMBER, command.target_id, states),
            service_family_exists=states.state(SERVICE_FAMILY, command.service_family).exists,
        )
    )


READERS: Mapping[type, FactReader] = {AcceptTransaction: _who_and_what}
