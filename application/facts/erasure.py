"""Facts for erasure: is the person registered, and who asks in the session, representing whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.identity import mandate_in_force
from application.ports import FactReader, Informed, Known
from domain import identity
from domain.erasure import (
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

_OnKnown = OrderErasure | PlaceLegalHold


def _who_asks(command: RequestErasure, known: Known) -> Informed[RequestErasure]:
    session = known.state(identity.SESSION, command.session_id)
    mandate = mandate_in_force(
        known, command.acting_mandate_id, mandatary_id=session.person_id, organisation_id=command.by, at=command.at
    )
    # What cannot be undone is not for whom somebody trusted with their post: only for who represents them by law.
    legal = mandate if mandate is not None and mandate.kind is identity.MandateKind.LEGAL_REPRESENTATION else None
    applicant = Applicant(
        person_id=session.person_id,
        at_caller=identity.is_open(session, at=command.at) and command.by in session.organisation_ids,
        mandate_id=command.acting_mandate_id if legal is not None else "",
        represented_id=legal.mandator_id if legal is not None else "",
    )
    return Informed(
        replace(command, applicant=applicant, registered=_registered(command, known)),
        acting_id=session.person_id,
        subject_id=command.person_id,
        mandate_id=applicant.mandate_id,
    )


def _on_known(command: _OnKnown, known: Known) -> Informed[_OnKnown]:
    return Informed(replace(command, registered=_registered(command, known)), subject_id=command.person_id)


def _on_person(command: ErasureCommand, _known: Known) -> Informed[ErasureCommand]:
    return Informed(command, subject_id=command.person_id)


def _registered(command: ErasureCommand, known: Known) -> bool:
    return known.state(identity.PERSON, command.person_id).exists


READERS: Mapping[type, FactReader] = {
    RequestErasure: _who_asks,
    **dict.fromkeys((OrderErasure, PlaceLegalHold), _on_known),
    **dict.fromkeys((PlaceRetentionHold, LiftLegalHold, RecordKeysDestroyed, RecordKeysShredded), _on_person),
}
