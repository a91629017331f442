"""A letter from consent to answer through the handler: each wish sees what the ones before it left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.ports import Append, Receipt
from application.registry import BY_COMMAND, READERS
from domain import consent
from domain.contexts import DECIDERS
from domain.identity.person import PERSON, PersonRegistered
from domain.identity.values import Route
from domain.kernel import Context, EnterpriseNumber, Jurisdiction, Refusal
from domain.mailbox.mailbox import OpenMailbox, RecordFirstUse, SetNotificationAddress, VerifyNotificationAddress
from domain.mailbox.message.model import ConfirmMessage, OpenMessage, ReplyToMessage, SendMessage
from domain.mailbox.values import AddressKind, Attachment, MessageType, OwnerKind
from domain.organisations.organisation.model import OrganisationEnrolled, OrganisationRegistered
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from infrastructure.codec import Codec
from tests.domain.letters import text_sha256
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
CONTEXT = Context(acting_id="tester", organisation_id="tester", effective_at=AT)
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
MAIN = Attachment(media_type="application/pdf", size_bytes=1, sha256=text_sha256("main"), main=True)

AS_PROVIDER: dict[str, Any] = {"at": AT, "by": "provider-1"}
OPEN_MAILBOX = OpenMailbox(**AS_PROVIDER, mailbox_id="person-1", owner_kind=OwnerKind.PERSON)
SET_ADDRESS = SetNotificationAddress(
    **AS_PROVIDER, mailbox_id="person-1", address_id="address-1", kind=AddressKind.EMAIL
)
VERIFY_ADDRESS = VerifyNotificationAddress(**AS_PROVIDER, mailbox_id="person-1", address_id="address-1")
USE = RecordFirstUse(**AS_PROVIDER, mailbox_id="person-1")
READING: dict[str, Any] = {**AS_PROVIDER, "message_id": "message-1", "person_id": "person-1"}
OPEN = OpenMessage(**READING)
CONFIRM = ConfirmMessage(**READING)
REPLY = ReplyToMessage(**READING, reply_message_id="message-9", contents=(MAIN,))


def _send(message_id: str, mailbox_id: str) -> SendMessage:
    return SendMessage(
        at=AT,
        by="sender-1",
        message_id=message_id,
        mailbox_id=mailbox_id,
        message_type=MessageType.ATTESTATION,
        subject="Your attestation",
        contents=(MAIN,),
        reply_allowed=True,
    )


def _given(stream: str, *events: Any) -> Append:
    return Append(stream=stream, events=events, expected={stream: 0}, context=CONTEXT)


def _organisation(organisation_id: str, enrolment: Enrolment) -> Append:
    common: dict[str, Any] = {
        "organisation_id": organisation_id,
        "jurisdiction": Jurisdiction.BE,
        "organisation_type": OrganisationType.MUNICIPALITY,
        "level": Level.LOCAL,
        "outside_government": False,
    }
    return _given(
        ORGANISATION.stream(organisation_id),
        OrganisationRegistered(**common, names=Names(en="An organisation"), enterprise_number=EnterpriseNumber("")),
        OrganisationEnrolled(**common, enrolment=enrolment, enrolment_number=1, double_channel_until=None),
    )


def _person(person_id: str) -> Append:
    return _given(
        PERSON.stream(person_id),
        PersonRegistered(
            person_id=person_id,
            jurisdiction=Jurisdiction.BE,
            route=Route.NATIONAL_REGISTER,
            registrar_id="register",
        ),
    )


CONSENT = _given(
    consent.CONSENT.stream(consent.consent_id("person-1", "provider-1")),
    consent.ConsentGranted(
        person_id="person-1",
        provider_id="provider-1",
        jurisdiction=Jurisdiction.BE,
        grant_number=1,
        notice_version="2021-1",
        session_id="session-1",
        acting_person_id="person-1",
        mandate_id="",
    ),
)


async def _handled(*commands: Any) -> list[Any]:
    log = MemoryLog(Codec(DECIDERS))
    await log.append(
        [
            _organisation("sender-1", Enrolment.MAILBOX_SENDER),
            _organisation("provider-1", Enrolment.MAILBOX_PROVIDER),
            _person("person-1"),
            _person("person-2"),
            CONSENT,
        ]
    )
    orders = [CommandEnvelope(command=command, context=CONTEXT) for command in commands]
    answers = await handle_many(orders, log, RULES)
    return [_names(answer) for answer in answers]


def _names(answer: Receipt | Refusal) -> list[str] | str:
    if isinstance(answer, Refusal):
        return answer.code
    return [name.removeprefix("mailbox.").removesuffix(".v1") for name in answer.events]


async def test_a_letter_lives_from_the_opened_mailbox_to_the_answer() -> None:
    answers = await _handled(
        OPEN_MAILBOX,
        SET_ADDRESS,
        VERIFY_ADDRESS,
        USE,
        _send("message-1", "person-1"),
        OPEN,
        OPEN,
        CONFIRM,
        REPLY,
    )
    assert answers == [
        ["mailbox-opened"],
        ["notification-address-set"],
        ["notification-address-verified"],
        ["taken-into-use"],
        ["message-sent", "message-published"],
        ["message-opened"],
        [],
        ["message-confirmed"],
        ["message-replied"],
    ]


async def test_consent_without_an_address_or_a_mailbox_is_digital_but_says_nobody_can_be_notified() -> None:
    assert await _handled(_send("message-1", "person-1")) == [
        ["message-sent", "message-published", "message-notification-impossible"]
    ]


async def test_who_did_not_consent_gets_paper_and_who_is_unknown_gets_nothing() -> None:
    answers = await _handled(_send("message-1", "person-2"), _send("message-2", "nobody"))
    assert answers == [["message-sent"], "recipient-not-found"]


async def test_nobody_else_opens_the_letter() -> None:
    stranger = OpenMessage(**{**READING, "person_id": "person-2"})
    elsewhere = OpenMessage(**{**READING, "by": "sender-1"})
    answers = await _handled(_send("message-1", "person-1"), stranger, elsewhere)
    assert answers[1:] == ["not-the-recipient", "not-a-mailbox-provider"]
