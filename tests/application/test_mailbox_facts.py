"""Facts of mailboxes and messages: what the handler tells the rules about providers, senders, recipients, readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from application.registry import READERS
from domain import consent
from domain.identity.mandate.model import Mandate, MandateTerms, ServiceScope
from domain.identity.mandate.rules import MANDATE
from domain.identity.person import PERSON, Person
from domain.identity.values import MandateKind, MandateStatus, PartyKind
from domain.kernel import Decider, Jurisdiction, OrganisationFacts
from domain.mailbox.mailbox import MAILBOX, Mailbox, OpenMailbox, RecordFirstUse
from domain.mailbox.message.model import Message, MessageStatus, OpenMessage, SendMessage
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import (
    Attachment,
    ConsentEvidence,
    MessageType,
    Original,
    OwnerKind,
    Reader,
    Recipient,
    Sender,
)
from domain.organisations.organisation.model import Organisation
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment, OrganisationType
from tests.domain.letters import text_sha256

S = TypeVar("S")
AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """States by stream, as if they had all been read."""

    streams: Mapping[str, Any]

    def state(self, decider: Decider[Any, S, Any], aggregate_id: str) -> S:
        found: S = self.streams.get(decider.stream(aggregate_id), decider.initial)
        return found

    def under(self, decider: Decider[Any, S, Any], owner_id: str) -> Mapping[str, S]:
        start = len(decider.category) + 1
        prefix = decider.stream(f"{owner_id}.")
        return {stream[start:]: state for stream, state in self.streams.items() if stream.startswith(prefix)}


def _stream(decider: Decider[Any, Any, Any], aggregate_id: str) -> str:
    return decider.stream(aggregate_id)


SENDER = Organisation(
    exists=True,
    organisation_type=OrganisationType.WATER_AUTHORITY,
    jurisdiction=Jurisdiction.NL,
    enrolments=frozenset({Enrolment.MAILBOX_SENDER}),
    double_channel_until=date(2022, 1, 1),
)
PROVIDER = Organisation(
    exists=True,
    jurisdiction=Jurisdiction.NL,
    enrolments=frozenset({Enrolment.MAILBOX_PROVIDER}),
)
GRANTED = consent.Consent(status=consent.ConsentStatus.GRANTED, grant_number=2)
WITHDRAWN = consent.Consent(status=consent.ConsentStatus.WITHDRAWN, grant_number=1)
BOX = Mailbox(owner_kind=OwnerKind.PERSON, provider_id="provider-1", address_verified=True, taken_into_use=True)
LETTER = Message(
    status=MessageStatus.PUBLISHED,
    mailbox_id="person-1",
    sender_id="sender-1",
    reply_allowed=True,
    provider_ids=("provider-1",),
)
STREAMS: dict[str, Any] = {
    _stream(ORGANISATION, "sender-1"): SENDER,
    _stream(ORGANISATION, "provider-1"): PROVIDER,
    _stream(ORGANISATION, "provider-2"): PROVIDER,
    _stream(PERSON, "person-1"): Person(exists=True),
    _stream(consent.CONSENT, "person-1.provider-2"): GRANTED,
    _stream(consent.CONSENT, "person-1.provider-1"): GRANTED,
    _stream(consent.CONSENT, "person-1.provider-3"): WITHDRAWN,
    _stream(consent.CONSENT, "person-10.provider-4"): GRANTED,
    _stream(MAILBOX, "person-1"): BOX,
    _stream(MESSAGE, "message-1"): LETTER,
}
WORLD = World(STREAMS)

SEND = SendMessage(
    at=AT,
    by="sender-1",
    message_id="message-2",
    mailbox_id="person-1",
    message_type=MessageType.PERMIT,
    subject="Your permit",
    contents=(Attachment(media_type="application/pdf", size_bytes=1, sha256=text_sha256("main"), main=True),),
)
OPEN = OpenMessage(at=AT, by="provider-1", message_id="message-1", person_id="person-1")


def _informed(command: Any, world: World = WORLD) -> Any:
    return READERS[type(command)](command, world)


def _without(*streams: str) -> World:
    return World({stream: state for stream, state in STREAMS.items() if stream not in streams})


def test_the_sender_is_known_with_its_type_and_its_transition_period() -> None:
    assert _informed(SEND).command.sender == Sender(
        organisation_id="sender-1",
        enrolled=True,
        jurisdiction=Jurisdiction.NL,
        organisation_type="water_authority",
        outside_government=False,
        double_channel_until=date(2022, 1, 1),
    )


def test_the_recipient_is_reached_by_active_consents_of_that_person_only() -> None:
    assert _informed(SEND).command.recipient == Recipient(
        owner_kind=OwnerKind.PERSON,
        consents=(
            ConsentEvidence(provider_id="provider-1", grant_number=2),
            ConsentEvidence(provider_id="provider-2", grant_number=2),
        ),
        mailbox_provider_id="provider-1",
        address_verified=True,
        taken_into_use=True,
    )


def test_a_recipient_without_a_mailbox_is_the_person_or_organisation_that_is_registered() -> None:
    no_mailbox = _without("mailbox-person-1")
    assert _informed(SEND, no_mailbox).command.recipient.owner_kind is OwnerKind.PERSON
    to_organisation = replace(SEND, mailbox_id="provider-1")
    assert _informed(to_organisation).command.recipient.owner_kind is OwnerKind.ENTERPRISE
    assert _informed(replace(SEND, mailbox_id="nobody")).command.recipient.owner_kind is None


def test_the_message_that_is_answered_and_the_organisation_sent_for_are_looked_up() -> None:
    command = _informed(replace(SEND, in_reply_to="message-1", on_behalf_of="provider-1")).command
    assert command.original == Original(exists=True, reply_allowed=True, sender_id="sender-1", mailbox_id="person-1")
    assert not command.on_behalf_of_enrolled
    assert _informed(replace(SEND, on_behalf_of="sender-1")).command.on_behalf_of_enrolled


def test_the_provider_of_a_mailbox_is_known_with_its_consent_and_the_owner_with_the_register() -> None:
    use = RecordFirstUse(at=AT, by="provider-2", mailbox_id="person-1")
    known = _informed(use).command
    assert known.has_consent
    assert known.provider == OrganisationFacts(
        organisation_id="provider-2", enrolled=True, jurisdiction=Jurisdiction.NL
    )
    opening = OpenMailbox(at=AT, by="provider-1", mailbox_id="person-1", owner_kind=OwnerKind.PERSON)
    assert _informed(opening).command.owner_registered
    assert not _informed(replace(opening, owner_kind=OwnerKind.ENTERPRISE)).command.owner_registered
    assert _informed(opening).subject_id == "person-1"


def test_the_recipient_reads_where_the_message_was_delivered() -> None:
    informed = _informed(OPEN)
    assert informed.command.reader == Reader(provider_enrolled=True, provider_has_consent=False)
    assert (informed.acting_id, informed.subject_id, informed.mandate_id) == ("person-1", "person-1", "")


def test_another_provider_needs_a_consent_of_its_own() -> None:
    assert _informed(replace(OPEN, by="provider-2")).command.reader.provider_has_consent
    assert not _informed(replace(OPEN, by="provider-3")).command.reader.provider_has_consent


def test_a_mandate_counts_if_it_is_in_force_for_the_sender() -> None:
    claimed = replace(OPEN, person_id="person-2", mandate_id="mandate-1")
    assert _informed(claimed).command.reader.mandator_id == ""
    informed = _informed(claimed, World({**STREAMS, _stream(MANDATE, "mandate-1"): _mandate("sender-1")}))
    assert informed.command.reader.mandator_id == "person-1"
    assert (informed.acting_id, informed.subject_id, informed.mandate_id) == ("person-2", "person-1", "mandate-1")
    elsewhere = World({**STREAMS, _stream(MANDATE, "mandate-1"): _mandate("sender-2")})
    assert _informed(claimed, elsewhere).mandate_id == ""


def _mandate(organisation_id: str) -> Mandate:
    return Mandate(
        status=MandateStatus.ACTIVE,
        terms=MandateTerms(
            kind=MandateKind.VOLUNTARY,
            mandator_id="person-1",
            mandator_kind=PartyKind.PERSON,
            mandatary_id="person-2",
            grantor_id="person-1",
            parent_mandate_id="",
            services=(ServiceScope(service_id="service-1", organisation_id=organisation_id),),
            valid_from=datetime(2021, 1, 1, tzinfo=UTC),
            valid_until=datetime(2022, 1, 1, tzinfo=UTC),
            jurisdiction=Jurisdiction.NL,
        ),
    )
