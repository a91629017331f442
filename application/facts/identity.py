"""Facts for identity: who registers and authenticates whom, with which key, at which service, under which mandate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from application.ports import FactReader, Informed, Known
from domain.identity import (
    KEY,
    MANDATE,
    PERSON,
    SESSION,
    AcceptMandate,
    AccessService,
    ActivateKey,
    ConfirmMandate,
    EidSession,
    EndSession,
    ExpireKey,
    ExpireMandate,
    Holder,
    KeyInUse,
    KeyProvider,
    Mandate,
    MandateKind,
    OpenSession,
    ParentMandate,
    Parties,
    Party,
    PartyKind,
    RegisterKey,
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
    RegistrationAuthority,
    RejectMandate,
    RequestedService,
    RequestMandate,
    ResumeKey,
    ResumeMandate,
    RevokeKey,
    ServiceScope,
    SuspendKey,
    SuspendMandate,
    WithdrawMandate,
    in_force,
    is_open,
    is_usable,
)
from domain.identity.mandate_language import PartyCommand
from domain.organisations import ORGANISATION, SERVICE, Enrolment, holds, recognised

_Registration = RegisterPersonFromNationalRegister | RegisterPersonByEidas
_KeyChange = SuspendKey | ResumeKey | RevokeKey | ExpireKey

# --- Persons --------------------------------------------------------------------------------------------------------


def _registered(command: _Registration, _known: Known) -> Informed[_Registration]:
    return Informed(command, subject_id=command.person_id)


def _registered_at_desk(
    command: RegisterPersonByRegistrationAuthority, known: Known
) -> Informed[RegisterPersonByRegistrationAuthority]:
    return Informed(
        replace(command, authority=_authority(command.by, known)),
        acting_id=command.officer_id,
        subject_id=command.person_id,
    )


def _authority(organisation_id: str, known: Known) -> RegistrationAuthority:
    organisation = known.state(ORGANISATION, organisation_id)
    return RegistrationAuthority(
        organisation_id=organisation_id,
        enrolled=holds(organisation, Enrolment.REGISTRATION_AUTHORITY),
        jurisdiction=organisation.jurisdiction,
    )


# --- Keys -----------------------------------------------------------------------------------------------------------


def _new_key(command: RegisterKey, known: Known) -> Informed[RegisterKey]:
    informed = replace(command, provider=_key_provider(command.by, known), holder=_holder(command.person_id, known))
    return Informed(informed, subject_id=command.person_id)


def _key_with_evidence(command: ActivateKey, known: Known) -> Informed[ActivateKey]:
    key = known.state(KEY, command.key_id)
    informed = replace(command, provider=_key_provider(command.by, known), holder=_holder(key.person_id, known))
    if command.session_id:
        session = known.state(SESSION, command.session_id)
        evidence = EidSession(
            session_id=command.session_id,
            person_id=session.person_id,
            means=session.means,
            open=is_open(session, at=command.at),
        )
        return Informed(replace(informed, session=evidence), acting_id=session.person_id, subject_id=key.person_id)
    return Informed(informed, subject_id=key.person_id)


def _key_holder(command: _KeyChange, known: Known) -> Informed[_KeyChange]:
    return Informed(command, subject_id=known.state(KEY, command.key_id).person_id)


def _key_provider(organisation_id: str, known: Known) -> KeyProvider:
    return KeyProvider(
        organisation_id=organisation_id, recognised=recognised(known.state(ORGANISATION, organisation_id))
    )


def _holder(person_id: str, known: Known) -> Holder:
    person = known.state(PERSON, person_id)
    return Holder(person_id=person_id, route=person.route, jurisdiction=person.jurisdiction)


# --- Sessions -------------------------------------------------------------------------------------------------------


def _authentication(command: OpenSession, known: Known) -> Informed[OpenSession]:
    key = _key_in_use(command.key_id, command.at, known)
    informed = replace(command, key=key, service=_service(command.service_id, known))
    return Informed(informed, acting_id=key.person_id, subject_id=key.person_id)


def _access(command: AccessService, known: Known) -> Informed[AccessService]:
    session = known.state(SESSION, command.session_id)
    informed = replace(
        command,
        key=_key_in_use(session.key_id, command.at, known),
        service=_service(command.service_id, known),
    )
    return Informed(informed, acting_id=session.person_id, subject_id=session.person_id)


def _ended(command: EndSession, known: Known) -> Informed[EndSession]:
    person_id = known.state(SESSION, command.session_id).person_id
    return Informed(command, acting_id=person_id, subject_id=person_id)


def _key_in_use(key_id: str, at: datetime, known: Known) -> KeyInUse:
    key = known.state(KEY, key_id)
    return KeyInUse(
        key_id=key_id,
        person_id=key.person_id,
        provider_id=key.provider_id,
        means=key.means,
        level=key.level,
        active=is_usable(key, at=at),
        provider_recognised=recognised(known.state(ORGANISATION, key.provider_id)),
    )


def _service(service_id: str, known: Known) -> RequestedService:
    service = known.state(SERVICE, service_id)
    return RequestedService(
        service_id=service_id,
        exists=service.exists,
        open=service.open,
        organisation_id=service.organisation_id,
        audience=service.audience,
        minimum_level=service.minimum_level,
        jurisdiction=service.jurisdiction,
    )


# --- Mandates -------------------------------------------------------------------------------------------------------


def mandate_in_force(
    known: Known, mandate_id: str, *, mandatary_id: str, organisation_id: str, at: datetime
) -> Mandate | None:
    """Return the mandate if the mandatary may act under it now, its parent included if it is a chain; else None.

    Any context whose facts ask under which mandate somebody acts may use this.
    """
    if not mandate_id or not mandatary_id:
        return None
    mandate = known.state(MANDATE, mandate_id)
    parent = known.state(MANDATE, mandate.parent_mandate_id) if mandate.parent_mandate_id else None
    holds_now = in_force(mandate, mandatary_id=mandatary_id, at=at, organisation_id=organisation_id, parent=parent)
    return mandate if holds_now else None


def _party(command: PartyCommand, known: Known) -> Party:
    session = known.state(SESSION, command.session_id)
    mandate = mandate_in_force(
        known, command.acting_mandate_id, mandatary_id=session.person_id, organisation_id=command.by, at=command.at
    )
    # To decide on mandates of somebody else takes legal representation; a voluntary mandate is passed on in a chain.
    legal = mandate if mandate is not None and mandate.kind is MandateKind.LEGAL_REPRESENTATION else None
    return Party(
        person_id=session.person_id,
        session_id=command.session_id,
        at_caller=is_open(session, at=command.at) and command.by in session.organisation_ids,
        mandate_id=command.acting_mandate_id if legal is not None else "",
        represented_id=legal.mandator_id if legal is not None else "",
    )


def _acting(command: PartyCommand, party: Party) -> Informed[PartyCommand]:
    return Informed(
        command,
        acting_id=party.person_id,
        subject_id=party.represented_id or party.person_id,
        mandate_id=party.mandate_id,
    )


def _by_party(command: PartyCommand, known: Known) -> Informed[PartyCommand]:
    party = _party(command, known)
    return _acting(replace(command, actor=party), party)


def _requested(command: RequestMandate, known: Known) -> Informed[PartyCommand]:
    party = _party(command, known)
    informed = replace(
        command,
        actor=party,
        parties=_parties(command, known),
        services=_scopes(command, known),
        parent=_parent(command, known),
    )
    return _acting(informed, party)


def _parties(command: RequestMandate, known: Known) -> Parties:
    person = command.mandator_kind is PartyKind.PERSON
    mandator = known.state(PERSON, command.mandator_id) if person else known.state(ORGANISATION, command.mandator_id)
    mandatary_person = known.state(PERSON, command.mandatary_id)
    mandatary_enterprise = known.state(ORGANISATION, command.mandatary_id)
    return Parties(
        mandator_exists=mandator.exists,
        mandatary_exists=mandatary_person.exists or mandatary_enterprise.exists,
        jurisdiction=mandator.jurisdiction,
    )


def _scopes(command: RequestMandate, known: Known) -> tuple[ServiceScope, ...]:
    services = {service_id: known.state(SERVICE, service_id) for service_id in command.service_ids}
    return tuple(
        ServiceScope(service_id=service_id, organisation_id=services[service_id].organisation_id)
        for service_id in command.service_ids
        if services[service_id].exists
    )


def _parent(command: RequestMandate, known: Known) -> ParentMandate:
    if not command.parent_mandate_id:
        return ParentMandate(terms=None, in_force=False)
    parent = known.state(MANDATE, command.parent_mandate_id)
    return ParentMandate(terms=parent.terms, in_force=in_force(parent, mandatary_id=parent.mandatary_id, at=command.at))


def _confirmed(command: ConfirmMandate, known: Known) -> Informed[ConfirmMandate]:
    return Informed(
        replace(command, authority=_authority(command.by, known)),
        subject_id=known.state(MANDATE, command.mandate_id).mandator_id,
    )


def _expired(command: ExpireMandate, known: Known) -> Informed[ExpireMandate]:
    return Informed(command, subject_id=known.state(MANDATE, command.mandate_id).mandator_id)


READERS: Mapping[type, FactReader] = {
    RegisterPersonFromNationalRegister: _registered,
    RegisterPersonByEidas: _registered,
    RegisterPersonByRegistrationAuthority: _registered_at_desk,
    RegisterKey: _new_key,
    ActivateKey: _key_with_evidence,
    **dict.fromkeys((SuspendKey, ResumeKey, RevokeKey, ExpireKey), _key_holder),
    OpenSession: _authentication,
    AccessService: _access,
    EndSession: _ended,
    RequestMandate: _requested,
    **dict.fromkeys((AcceptMandate, RejectMandate, SuspendMandate, ResumeMandate, WithdrawMandate), _by_party),
    ConfirmMandate: _confirmed,
    ExpireMandate: _expired,
}
