"""Facts for erasure: is the person registered, and who asks in the session, representing whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.identity import mandate_in_force
from application.ports import Enriched, FactReader, States
from domain.erasure.model import (
    Applicant,
    ErasureCommand,
    LiftLegalHold,
    OrderErasure,
    PlaceLegalHold,
    PlaceRetentionHold,
    RecordKeysDestroyed,
    RecordKeysShredded,
    RequestErasure,
)
from domain.identity.person import PERSON
from domain.identity.session import SESSION, is_open
from domain.identity.values import MandateKind

_OnKnown = OrderErasure | PlaceLegalHold


def _who_asks(command: RequestErasure, states: States) -> Enriched[RequestErasure]:
    session = states.state(SESSION, command.session_id)
    mandate = mandate_in_force(
        states, command.acting_mandate_id, mandatary_id=session.person_id, organisation_id=command.by, at=command.at
    )
    # What cannot be undone is not for whom somebody trusted with their post: only for who represents them by law.
    legal = mandate if mandate is not None and mandate.kind is MandateKind.LEGAL_REPRESENTATION else None
    applicant = Applicant(
        person_id=session.person_id,
        at_caller=is_open(session, at=command.at) and command.by in session.organisation_ids,
        mandate_id=command.acting_mandate_id if legal is not None else "",
        represented_id=legal.mandator_id if legal is not None else "",
    )
    return Enriched(
        replace(command, applicant=applicant, registered=_registered(command, states)),
        acting_id=session.person_id,
        subject_id=command.person_id,
        mandate_id=applicant.mandate_id,
    )


def _on_known(command: _OnKnown, states: States) -> Enriched[_OnKnown]:
    return Enriched(replace(command, registered=_registered(command, states)), subject_id=command.person_id)


def _on_person(command: ErasureCommand, _states: States) -> Enriched[ErasureCommand]:
    return Enriched(command, subject_id=command.person_id)


def _registered(command: ErasureCommand, states: States) -> bool:
    return states.state(PERSON, command.person_id).exists


READERS: Mapping[type, FactReader] = {
    RequestErasure: _who_asks,
    **dict.fromkeys((OrderErasure, PlaceLegalHold), _on_known),
    **dict.fromkeys((PlaceRetentionHold, LiftLegalHold, RecordKeysDestroyed, RecordKeysShredded), _on_person),
}
