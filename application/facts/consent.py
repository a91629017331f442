"""Facts for consent: is the provider enrolled, and who acts in the session, under which mandate?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.identity import acting, actor_in_session
from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from domain.consent import ConsentCommand
from domain.organisations.values import Enrolment


def _who_decides(command: ConsentCommand, states: States) -> Enriched[ConsentCommand]:
    actor = actor_in_session(
        command.session_id, command.mandate_id, states, organisation_id=command.provider_id, at=command.at
    )
    provider = enrolled_as(Enrolment.MAILBOX_PROVIDER, command.provider_id, states)
    return acting(replace(command, actor=actor, provider=provider), actor, command.person_id)


READERS: Mapping[type, FactReader] = {ConsentCommand: _who_decides}
