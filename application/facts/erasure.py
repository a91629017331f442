"""Facts for erasure: is the person registered, and who asks in the session, representing whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.identity import BY_LAW, acting, actor_in_session
from application.ports import Enriched, FactReader, States
from domain.erasure.model import (
    ErasureCommand,
    OrderErasure,
    PlaceLegalHold,
    RequestErasure,
    WithdrawErasure,
)
from domain.identity.person import PERSON
from domain.organisations.organisation.rules import ORGANISATION

_OnKnown = OrderErasure | PlaceLegalHold


def _who_asks(command: RequestErasure, states: States) -> Enriched[RequestErasure]:
    # What cannot be undone is not for a mandatary trusted with the post: only for the one who represents by law.
    applicant = actor_in_session(
        command.session_id,
        command.acting_mandate_id,
        states,
        organisation_id=command.by,
        at=command.at,
        kinds=BY_LAW,
    )
    known = replace(command, applicant=applicant, registered=_registered(command, states))
    return acting(known, applicant, command.person_id)


def _who_withdraws(command: WithdrawErasure, states: States) -> Enriched[WithdrawErasure]:
    applicant = actor_in_session(
        command.session_id,
        command.acting_mandate_id,
        states,
        organisation_id=command.by,
        at=command.at,
        kinds=BY_LAW,
    )
    return acting(replace(command, applicant=applicant), applicant, command.person_id)


def _on_known(command: _OnKnown, states: States) -> Enriched[_OnKnown]:
    return Enriched(replace(command, registered=_registered(command, states)), subject_id=command.person_id)


def _on_person(command: ErasureCommand, _states: States) -> Enriched[ErasureCommand]:
    return Enriched(command, subject_id=command.person_id)


def _registered(command: ErasureCommand, states: States) -> bool:
    """Whether it is a registered person, or the enterprise of a sole trader."""
    is_trader = states.state(ORGANISATION, command.person_id).sole_trader
    return states.state(PERSON, command.person_id).exists or is_trader


READERS: Mapping[type, FactReader] = {
    RequestErasure: _who_asks,
    WithdrawErasure: _who_withdraws,
    OrderErasure: _on_known,
    PlaceLegalHold: _on_known,
    ErasureCommand: _on_person,
}
