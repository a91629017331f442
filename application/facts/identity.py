"""Facts for identity: who registers and authenticates whom, with which key, at which service, under which mandate."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from domain.identity.key import KEY, ActivateKey, EidSession, KeyCommand, RegisterKey
from domain.identity.mandate.model import (
    ConfirmMandate,
    ExpireMandate,
    MandateParties,
    MandateTerms,
    ParentMandate,
    PartyCommand,
    RequestMandate,
    ServiceScope,
    in_force,
)
from domain.identity.mandate.rules import MANDATE
from domain.identity.person import PERSON, PersonCommand, RegisterPersonByRegistrationAuthority
from domain.identity.session import (
    SESSION,
    AccessService,
    EndSession,
    ExpireSession,
    OpenSession,
    RequestedService,
    is_open,
)
from domain.identity.values import MandateKind, PartyKind
from domain.kernel import Actor, Command, OrganisationFacts
from domain.organisations.organisation.model import recognised
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import SERVICE
from domain.organisations.values import Enrolment

K = TypeVar("K", RegisterKey, ActivateKey)
A = TypeVar("A", OpenSession, AccessService)
P = TypeVar("P", bound=PartyCommand)
C = TypeVar("C", bound=Command)

BY_LAW = frozenset({MandateKind.LEGAL_REPRESENTATION})


# --- Persons --------------------------------------------------------------------------------------------------------


def _registered(command: PersonCommand, _states: States) -> Enriched[PersonCommand]:
    return Enriched(command, subject_id=command.person_id)


def _registered_at_desk(
    command: RegisterPersonByRegistrationAuthority, states: States
) -> Enriched[RegisterPersonByRegistrationAuthority]:
    authority = enrolled_as(Enrolment.REGISTRATION_AUTHORITY, command.by, states)
    known = replace(command, authority=authority)
    return Enriched(known, acting_id=command.officer_id, subject_id=command.person_id)


# --- Keys -----------------------------------------------------------------------------------------------------------


def _new_key(command: RegisterKey, states: States) -> Enriched[RegisterKey]:
    return Enriched(_with_key_facts(command, command.person_id, states), subject_id=command.person_id)


def _key_with_evidence(command: ActivateKey, states: States) -> Enriched[ActivateKey]:
    person_id = states.state(KEY, command.key_id).person_id
    known = _with_key_facts(command, person_id, states)
    if not command.session_id:
        return Enriched(known, subject_id=person_id)
    session = states.state(SESSION, command.session_id)
    evidence = EidSession(
        session_id=command.session_id,
        person_id=session.person_id,
        means=session.means,
        open=is_open(session, at=command.at),
    )
    return Enriched(replace(known, session=evidence), acting_id=session.person_id, subject_id=person_id)


def _with_key_facts(command: K, person_id: str, states: States) -> K:
    organisation = states.state(ORGANISATION, command.by)
    provider = OrganisationFacts(
        organisation_id=command.by,
        enrolled=recognised(organisation),
        jurisdiction=organisation.jurisdiction,
    )
    return replace(command, provider=provider, holder=states.state(PERSON, person_id))


def _key_holder(command: KeyCommand, states: States) -> Enriched[KeyCommand]:
    return Enriched(command, subject_id=states.state(KEY, command.key_id).person_id)


# --- Sessions -------------------------------------------------------------------------------------------------------


def _authentication(command: OpenSession, states: States) -> Enriched[OpenSession]:
    known = _with_key_and_service(command, command.key_id, states)
    return Enriched(known, acting_id=known.key.person_id, subject_id=known.key.person_id)


def _access(command: AccessService, states: States) -> Enriched[AccessService]:
    session = states.state(SESSION, command.session_id)
    known = _with_key_and_service(command, session.key_id, states)
    return Enriched(known, acting_id=session.person_id, subject_id=session.person_id)


def _with_key_and_service(command: A, key_id: str, states: States) -> A:
    key = states.state(KEY, key_id)
    service = states.state(SERVICE, command.service_id)
    return replace(
        command,
        key=key,
        provider_recognised=recognised(states.state(ORGANISATION, key.provider_id)),
        service=RequestedService(
            service_id=command.service_id,
            exists=service.exists,
            open=service.open,
            organisation_id=service.organisation_id,
            audience=service.audience,
            minimum_level=service.minimum_level,
            jurisdiction=service.jurisdiction,
        ),
    )


def _ended(command: EndSession, states: States) -> Enriched[EndSession]:
    person_id = states.state(SESSION, command.session_id).person_id
    return Enriched(command, acting_id=person_id, subject_id=person_id)


def _session_over(command: ExpireSession, states: States) -> Enriched[ExpireSession]:
    return Enriched(command, subject_id=states.state(SESSION, command.session_id).person_id)


# --- Mandates -------------------------------------------------------------------------------------------------------


def mandate_in_force(
    states: States, mandate_id: str, *, mandatary_id: str, organisation_id: str, at: datetime
) -> MandateTerms | None:
    """Return the terms of a mandate if the mandatary may act under it now, and under its parent in a chain; else None.

    Any context whose facts ask under which mandate somebody acts may use this.
    """
    if not mandate_id or not mandatary_id:
        return None
    mandate = states.state(MANDATE, mandate_id)
    parent = states.state(MANDATE, mandate.parent_mandate_id) if mandate.parent_mandate_id else None
    holds_now = in_force(mandate, mandatary_id=mandatary_id, at=at, organisation_id=organisation_id, parent=parent)
    return mandate.terms if holds_now else None


def actor_in_session(
    session_id: str,
    mandate_id: str,
    states: States,
    *,
    organisation_id: str,
    at: datetime,
    kinds: Container[MandateKind] = frozenset(MandateKind),
) -> Actor:
    """Return who acts in a session at an organisation, under a mandate in force there that is of one of the kinds.

    Any context whose facts ask who acts may use this.
    """
    session = states.state(SESSION, session_id)
    mandate = mandate_in_force(
        states, mandate_id, mandatary_id=session.person_id, organisation_id=organisation_id, at=at
    )
    represents = mandate is not None and mandate.kind in kinds
    return Actor(
        person_id=session.person_id,
        session_id=session_id,
        in_session=is_open(session, at=at) and organisation_id in session.organisation_ids,
        mandate_id=mandate_id if represents else "",
        represented_id=mandate.mandator_id if mandate is not None and represents else "",
    )


def acting(command: C, actor: Actor, subject_id: str) -> Enriched[C]:
    """Return a command with its facts, recorded as the act of a person for a subject."""
    return Enriched(command, acting_id=actor.person_id, subject_id=subject_id, mandate_id=actor.mandate_id)


def _by_party(command: P, states: States) -> Enriched[P]:
    # To decide on mandates of somebody else takes legal representation; a voluntary mandate is passed on in a chain.
    actor = actor_in_session(
        command.session_id, command.acting_mandate_id, states, organisation_id=command.by, at=command.at, kinds=BY_LAW
    )
    return acting(replace(command, actor=actor), actor, actor.represented_id or actor.person_id)


def _requested(command: RequestMandate, states: States) -> Enriched[RequestMandate]:
    known = replace(
        command,
        parties=_parties(command, states),
        services=_scopes(command, states),
        parent=_parent(command, states),
    )
    return _by_party(known, states)


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
        return ParentMandate()
    parent = states.state(MANDATE, command.parent_mandate_id)
    return ParentMandate(terms=parent.terms, in_force=in_force(parent, mandatary_id=parent.mandatary_id, at=command.at))


def _confirmed(command: ConfirmMandate, states: States) -> Enriched[ConfirmMandate]:
    return Enriched(
        replace(command, authority=enrolled_as(Enrolment.REGISTRATION_AUTHORITY, command.by, states)),
        subject_id=states.state(MANDATE, command.mandate_id).mandator_id,
    )


def _expired(command: ExpireMandate, states: States) -> Enriched[ExpireMandate]:
    return Enriched(command, subject_id=states.state(MANDATE, command.mandate_id).mandator_id)


READERS: Mapping[type, FactReader] = {
    PersonCommand: _registered,
    RegisterPersonByRegistrationAuthority: _registered_at_desk,
    KeyCommand: _key_holder,
    RegisterKey: _new_key,
    ActivateKey: _key_with_evidence,
    OpenSession: _authentication,
    AccessService: _access,
    EndSession: _ended,
    ExpireSession: _session_over,
    PartyCommand: _by_party,
    RequestMandate: _requested,
    ConfirmMandate: _confirmed,
    ExpireMandate: _expired,
}
