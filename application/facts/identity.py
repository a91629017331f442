"""Facts for identity: who registers and authenticates whom, with which key, at which service, under which mandate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from application.ports import Enriched, FactReader, States
from domain.identity.key import (
    KEY,
    ActivateKey,
    EidSession,
    ExpireKey,
    Holder,
    IdentityProvider,
    RegisterKey,
    ResumeKey,
    RevokeKey,
    SuspendKey,
    is_usable,
)
from domain.identity.mandate.model import (
    AcceptMandate,
    ActingParty,
    ConfirmMandate,
    ExpireMandate,
    Mandate,
    MandateParties,
    ParentMandate,
    PartyCommand,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    ServiceScope,
    SuspendMandate,
    WithdrawMandate,
    in_force,
)
from domain.identity.mandate.rules import MANDATE
from domain.identity.person import (
    PERSON,
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
    RegistrationAuthority,
)
from domain.identity.session import SESSION, AccessService, EndSession, KeyInUse, OpenSession, RequestedService, is_open
from domain.identity.values import MandateKind, PartyKind
from domain.organisations.organisation.model import holds, recognised
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import SERVICE
from domain.organisations.values import Enrolment

_Registration = RegisterPersonFromNationalRegister | RegisterPersonByEidas
_KeyChange = SuspendKey | ResumeKey | RevokeKey | ExpireKey

# --- Persons --------------------------------------------------------------------------------------------------------


def _registered(command: _Registration, _states: States) -> Enriched[_Registration]:
    return Enriched(command, subject_id=command.person_id)


def _registered_at_desk(
    command: RegisterPersonByRegistrationAuthority, states: States
) -> Enriched[RegisterPersonByRegistrationAuthority]:
    return Enriched(
        replace(command, authority=_authority(command.by, states)),
        acting_id=command.officer_id,
        subject_id=command.person_id,
    )


def _authority(organisation_id: str, states: States) -> RegistrationAuthority:
    organisation = states.state(ORGANISATION, organisation_id)
    return RegistrationAuthority(
        organisation_id=organisation_id,
        enrolled=holds(organisation, Enrolment.REGISTRATION_AUTHORITY),
        jurisdiction=organisation.jurisdiction,
    )


# --- Keys -----------------------------------------------------------------------------------------------------------


def _new_key(command: RegisterKey, states: States) -> Enriched[RegisterKey]:
    enriched = replace(command, provider=_key_provider(command.by, states), holder=_holder(command.person_id, states))
    return Enriched(enriched, subject_id=command.person_id)


def _key_with_evidence(command: ActivateKey, states: States) -> Enriched[ActivateKey]:
    key = states.state(KEY, command.key_id)
    enriched = replace(command, provider=_key_provider(command.by, states), holder=_holder(key.person_id, states))
    if command.session_id:
        session = states.state(SESSION, command.session_id)
        evidence = EidSession(
            session_id=command.session_id,
            person_id=session.person_id,
            means=session.means,
            open=is_open(session, at=command.at),
        )
        return Enriched(replace(enriched, session=evidence), acting_id=session.person_id, subject_id=key.person_id)
    return Enriched(enriched, subject_id=key.person_id)


def _key_holder(command: _KeyChange, states: States) -> Enriched[_KeyChange]:
    return Enriched(command, subject_id=states.state(KEY, command.key_id).person_id)


def _key_provider(organisation_id: str, states: States) -> IdentityProvider:
    return IdentityProvider(
        organisation_id=organisation_id, recognised=recognised(states.state(ORGANISATION, organisation_id))
    )


def _holder(person_id: str, states: States) -> Holder:
    person = states.state(PERSON, person_id)
    return Holder(person_id=person_id, route=person.route, jurisdiction=person.jurisdiction)


# --- Sessions -------------------------------------------------------------------------------------------------------


def _authentication(command: OpenSession, states: States) -> Enriched[OpenSession]:
    key = _key_in_use(command.key_id, command.at, states)
    enriched = replace(command, key=key, service=_service(command.service_id, states))
    return Enriched(enriched, acting_id=key.person_id, subject_id=key.person_id)


def _access(command: AccessService, states: States) -> Enriched[AccessService]:
    session = states.state(SESSION, command.session_id)
    enriched = replace(
        command,
        key=_key_in_use(session.key_id, command.at, states),
        service=_service(command.service_id, states),
    )
    return Enriched(enriched, acting_id=session.person_id, subject_id=session.person_id)


def _ended(command: EndSession, states: States) -> Enriched[EndSession]:
    person_id = states.state(SESSION, command.session_id).person_id
    return Enriched(command, acting_id=person_id, subject_id=person_id)


def _key_in_use(key_id: str, at: datetime, states: States) -> KeyInUse:
    key = states.state(KEY, key_id)
    return KeyInUse(
        key_id=key_id,
        person_id=key.person_id,
        provider_id=key.provider_id,
        means=key.means,
        level=key.level,
        active=is_usable(key, at=at),
        provider_recognised=recognised(states.state(ORGANISATION, key.provider_id)),
    )


def _service(service_id: str, states: States) -> RequestedService:
    service = states.state(SERVICE, service_id)
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
    states: States, mandate_id: str, *, mandatary_id: str, organisation_id: str, at: datetime
) -> Mandate | None:
    """Return the mandate if the mandatary may act under it now, its parent included if it is a chain; else None.

    Any context whose facts ask under which mandate somebody acts may use this.
    """
    if not mandate_id or not mandatary_id:
        return None
    mandate = states.state(MANDATE, mandate_id)
    parent = states.state(MANDATE, mandate.parent_mandate_id) if mandate.parent_mandate_id else None
    holds_now = in_force(mandate, mandatary_id=mandatary_id, at=at, organisation_id=organisation_id, parent=parent)
    return mandate if holds_now else None


def _party(command: PartyCommand, states: States) -> ActingParty:
    session = states.state(SESSION, command.session_id)
    mandate = mandate_in_force(
        states, command.acting_mandate_id, mandatary_id=session.person_id, organisation_id=command.by, at=command.at
    )
    # To decide on mandates of somebody else takes legal representation; a voluntary mandate is passed on in a chain.
    legal = mandate if mandate is not None and mandate.kind is MandateKind.LEGAL_REPRESENTATION else None
    return ActingParty(
        person_id=session.person_id,
        session_id=command.session_id,
        at_caller=is_open(session, at=command.at) and command.by in session.organisation_ids,
        mandate_id=command.acting_mandate_id if legal is not None else "",
        represented_id=legal.mandator_id if legal is not None else "",
    )


def _acting(command: PartyCommand, party: ActingParty) -> Enriched[PartyCommand]:
    return Enriched(
        command,
        acting_id=party.person_id,
        subject_id=party.represented_id or party.person_id,
        mandate_id=party.mandate_id,
    )


def _by_party(command: PartyCommand, states: States) -> Enriched[PartyCommand]:
    party = _party(command, states)
    return _acting(replace(command, actor=party), party)


def _requested(command: RequestMandate, states: States) -> Enriched[PartyCommand]:
    party = _party(command, states)
    enriched = replace(
        command,
        actor=party,
        parties=_parties(command, states),
        services=_scopes(command, states),
        parent=_parent(command, states),
    )
    return _acting(enriched, party)


def _parties(command: RequestMandate, states: States) -> MandateParties:
    person = command.mandator_kind is PartyKind.PERSON
    mandator = states.state(PERSON, command.mandator_id) if person else states.state(ORGANISATION, command.mandator_id)
    mandatary_person = states.state(PERSON, command.mandatary_id)
    mandatary_enterprise = states.state(ORGANISATION, command.mandatary_id)
    return MandateParties(
        mandator_exists=mandator.exists,
        mandatary_exists=mandatary_person.exists or mandatary_enterprise.exists,
        jurisdiction=mandator.jurisdiction,
    )


def _scopes(command: RequestMandate, states: States) -> tuple[ServiceScope, ...]:
    services = {service_id: states.state(SERVICE, service_id) for service_id in command.service_ids}
    return tuple(
        ServiceScope(service_id=service_id, organisation_id=services[service_id].organisation_id)
        for service_id in command.service_ids
        if services[service_id].exists
    )


def _parent(command: RequestMandate, states: States) -> ParentMandate:
    if not command.parent_mandate_id:
        return ParentMandate(terms=None, in_force=False)
    parent = states.state(MANDATE, command.parent_mandate_id)
    return ParentMandate(terms=parent.terms, in_force=in_force(parent, mandatary_id=parent.mandatary_id, at=command.at))


def _confirmed(command: ConfirmMandate, states: States) -> Enriched[ConfirmMandate]:
    return Enriched(
        replace(command, authority=_authority(command.by, states)),
        subject_id=states.state(MANDATE, command.mandate_id).mandator_id,
    )


def _expired(command: ExpireMandate, states: States) -> Enriched[ExpireMandate]:
    return Enriched(command, subject_id=states.state(MANDATE, command.mandate_id).mandator_id)


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
