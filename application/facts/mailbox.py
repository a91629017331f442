"""Facts for mailboxes and messages: who passes the command on, who sends, where the recipient is reached, who reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from application.facts.identity import mandate_in_force
from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from domain import consent
from domain.identity.person import PERSON
from domain.kernel import AnyDecider
from domain.mailbox.mailbox import MAILBOX, MailboxCommand, OpenMailbox
from domain.mailbox.message.model import ReaderCommand, SendMessage
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import (
    ConsentEvidence,
    Original,
    OwnerKind,
    Reader,
    Recipient,
    Sender,
)
from domain.organisations.organisation.model import holds
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment

M = TypeVar("M", bound=MailboxCommand)

_REGISTERS: Mapping[OwnerKind, AnyDecider] = {OwnerKind.PERSON: PERSON, OwnerKind.ENTERPRISE: ORGANISATION}

# --- Mailboxes ------------------------------------------------------------------------------------------------------


def _who_passes_on(command: M, states: States) -> Enriched[M]:
    provider = enrolled_as(Enrolment.MAILBOX_PROVIDER, command.by, states)
    has_consent = _has_consent(command.mailbox_id, command.by, states)
    return Enriched(replace(command, provider=provider, has_consent=has_consent), subject_id=command.mailbox_id)


def _who_opens(command: OpenMailbox, states: States) -> Enriched[OpenMailbox]:
    registered = states.state(_REGISTERS[command.owner_kind], command.mailbox_id).exists
    return _who_passes_on(replace(command, owner_registered=registered), states)


def _has_consent(person_id: str, provider_id: str, states: States) -> bool:
    return consent.is_active(states.state(consent.CONSENT, consent.consent_id(person_id, provider_id)))


# --- Sending --------------------------------------------------------------------------------------------------------


def _who_sends_to_whom(command: SendMessage, states: States) -> Enriched[SendMessage]:
    return Enriched(
        replace(
            command,
            sender=_sender(command.by, states),
            recipient=_recipient(command.mailbox_id, states),
            original=_original(command.in_reply_to, states),
            on_behalf_of_enrolled=bool(command.on_behalf_of) and _sender(command.on_behalf_of, states).enrolled,
        )
    )


def _sender(organisation_id: str, states: States) -> Sender:
    organisation = states.state(ORGANISATION, organisation_id)
    return Sender(
        organisation_id=organisation_id,
        enrolled=holds(organisation, Enrolment.MAILBOX_SENDER),
        jurisdiction=organisation.jurisdiction,
        organisation_type=organisation.organisation_type.value,
        outside_government=organisation.outside_government,
        double_channel_until=organisation.double_channel_until,
    )


def _recipient(mailbox_id: str, states: States) -> Recipient:
    box = states.state(MAILBOX, mailbox_id)
    prefix = consent.consent_id(mailbox_id, "")
    grants = states.under(consent.CONSENT, mailbox_id)
    return Recipient(
        owner_kind=box.owner_kind or _registered_as(mailbox_id, states),
        consents=tuple(
            ConsentEvidence(provider_id=grant_id.removeprefix(prefix), grant_number=grant.grant_number)
            for grant_id, grant in sorted(grants.items())
            if consent.is_active(grant)
        ),
        mailbox_provider_id=box.provider_id,
        address_verified=box.address_verified,
        taken_into_use=box.taken_into_use,
        exclusive_digital=box.exclusive_digital,
    )


def _registered_as(owner_id: str, states: States) -> OwnerKind | None:
    """Return the kind of an owner without a mailbox, who still gets letters: on paper, or by consent."""
    return next((kind for kind, register in _REGISTERS.items() if states.state(register, owner_id).exists), None)


def _original(message_id: str, states: States) -> Original:
    if not message_id:
        return Original()
    message = states.state(MESSAGE, message_id)
    return Original(
        exists=message.exists,
        reply_allowed=message.reply_allowed,
        sender_id=message.sender_id,
        mailbox_id=message.mailbox_id,
    )


# --- Reading --------------------------------------------------------------------------------------------------------


def _who_reads(command: ReaderCommand, states: States) -> Enriched[ReaderCommand]:
    message = states.state(MESSAGE, command.message_id)
    organisation = states.state(ORGANISATION, command.by)
    mandate = mandate_in_force(
        states,
        command.mandate_id,
        mandatary_id=command.person_id,
        organisation_id=message.sender_id,
        at=command.at,
    )
    # Where the message was delivered it can be read; only another provider needs a consent of its own.
    elsewhere = message.exists and command.by not in message.provider_ids
    reader = Reader(
        provider_enrolled=holds(organisation, Enrolment.MAILBOX_PROVIDER),
        provider_has_consent=elsewhere and _has_consent(message.mailbox_id, command.by, states),
        mandate_id=command.mandate_id if mandate is not None else "",
        mandator_id=mandate.mandator_id if mandate is not None else "",
    )
    return Enriched(
        replace(command, reader=reader),
        acting_id=command.person_id,
        subject_id=message.mailbox_id,
        mandate_id=reader.mandate_id,
    )


READERS: Mapping[type, FactReader] = {
    MailboxCommand: _who_passes_on,
    OpenMailbox: _who_opens,
    SendMessage: _who_sends_to_whom,
    ReaderCommand: _who_reads,
}
