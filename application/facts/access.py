"""Facts for access: are the person and the organisation that an order to suppress names registered?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import Enriched, FactReader, States
from domain.access.suppression import SuppressAccesses, SuppressionParties
from domain.identity.person import PERSON
from domain.organisations.organisation.rules import ORGANISATION


def _about(command: SuppressAccesses, states: States) -> Enriched[SuppressAccesses]:
    parties = SuppressionParties(
        person_exists=states.state(PERSON, command.person_id).exists,
        organisation_exists=states.state(ORGANISATION, command.organisation_id).exists,
    )
    return Enriched(replace(command, parties=parties), subject_id=command.person_id)


READERS: Mapping[type, FactReader] = {SuppressAccesses: _about}
