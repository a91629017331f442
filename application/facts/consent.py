"""Facts for consent: is the provider enrolled, and who acts in the session, under which mandate?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.identity import mandate_in_force
from application.ports import Enriched, FactReader, States
from domain.consent import (
    Actor,
    ConsentCommand,
    GrantConsent,
    Provider,
    RefuseConsent,
    ShowImpactNotice,
    WithdrawConsent,
)
from domain.identity.session import SESSION, is_open
from domain.organisations.organisation.model import holds
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment


def _who_decides(command: ConsentCommand, states: States) -> Enriched[ConsentCommand]:
    organisation = states.state(ORGANISATION, command.provider_id)
    session = states.state(SESSION, command.session_id)
    mandate = mandate_in_force(
        states,
        command.mandate_id,
        mandatary_id=session.person_id,
        organisation_id=command.provider_id,
        at=command.at,
    )
    actor = Actor(
        person_id=session.person_id,
        session_id=command.session_id,
        at_provider=is_open(session, at=command.at) and command.provider_id in session.organisation_ids,
        mandate_id=command.mandate_id if mandate else "",
        mandator_id=mandate.mandator_id if mandate else "",
    )
    provider = Provider(
        organisation_id=command.provider_id,
        enrolled=holds(organisation, Enrolment.MAILBOX_PROVIDER),
        jurisdiction=organisation.jurisdiction,
    )
    return Enriched(
        replace(command, actor=actor, provider=provider),
        acting_id=actor.person_id,
        subject_id=command.person_id,
        mandate_id=actor.mandate_id,
    )


READERS: Mapping[type, FactReader] = dict.fromkeys(
    (ShowImpactNotice, GrantConsent, RefuseConsent, WithdrawConsent), _who_decides
)
