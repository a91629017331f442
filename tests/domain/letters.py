"""A mailbox, a sender and a letter for the tests of mailboxes, messages and their read models."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from domain.kernel import Jurisdiction, PersonalText
from domain.mailbox.message.model import (
    ConfirmMessage,
    MessageConfirmed,
    MessageExpired,
    MessageExpiryAlerted,
    MessageNotificationFailed,
    MessageNotificationImpossible,
    MessageNotified,
    MessageOpened,
    MessagePublished,
    MessageReplied,
    MessageSent,
    OpenMessage,
    Publication,
    ReplyToMessage,
    SendMessage,
)
from domain.mailbox.values import (
    Attachment,
    ChannelReason,
    ConsentEvidence,
    ImpossibleReason,
    MessageChannel,
    MessageType,
    NotificationStatus,
    OwnerKind,
    Reader,
    Recipient,
    Sender,
    SenderTimeZone,
)

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=1)
EXPIRY = AT + timedelta(days=90)
PERSON, ENTERPRISE, SENDER, PROVIDER, MESSAGE_ID = "person-1", "enterprise-1", "sender-1", "provider-1", "message-1"
SUBJECT = "Your assessment for 2021"


def text_sha256(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


MAIN = Attachment(media_type="application/pdf", size_bytes=20_480, sha256=text_sha256("main"), main=True)
ANNEX = Attachment(media_type="application/pdf", size_bytes=1_024, sha256=text_sha256("annex"))

ENROLLED_SENDER = Sender(
    organisation_id=SENDER,
    enrolled=True,
    jurisdiction=Jurisdiction.NL,
    organisation_type="tax_administration",
    outside_government=False,
    double_channel_until=None,
)
CONSENTED = Recipient(
    owner_kind=OwnerKind.PERSON,
    consents=(ConsentEvidence(provider_id=PROVIDER, grant_number=1),),
    mailbox_provider_id=PROVIDER,
    address_verified=True,
    taken_into_use=True,
)
NOT_CONSENTED = Recipient(owner_kind=OwnerKind.PERSON)
OPEN_ENTERPRISE = Recipient(
    owner_kind=OwnerKind.ENTERPRISE, mailbox_provider_id=PROVIDER, address_verified=True, taken_into_use=True
)

SEND = SendMessage(
    at=AT,
    by=SENDER,
    message_id=MESSAGE_ID,
    mailbox_id=PERSON,
    message_type=MessageType.TAX_ASSESSMENT,
    subject=SUBJECT,
    contents=(MAIN, ANNEX),
    reply_allowed=True,
    expires_at=EXPIRY,
    sender=ENROLLED_SENDER,
    recipient=CONSENTED,
)

SENT = MessageSent(
    mailbox_id=PERSON,
    owner_kind=OwnerKind.PERSON,
    jurisdiction=Jurisdiction.NL,
    sender_id=SENDER,
    sender_type="tax_administration",
    outside_government=False,
    double_channel_until=None,
    sender_time_zone=SenderTimeZone.BRUSSELS,
    message_type=MessageType.TAX_ASSESSMENT,
    subject=PersonalText(SUBJECT),
    contents=(MAIN, ANNEX),
    payment=None,
    requires_payment=False,
    notification_only=False,
    reply_allowed=True,
    in_reply_to="",
    on_behalf_of="",
    expires_at=EXPIRY,
    channel=MessageChannel.DIGITAL,
    reason=ChannelReason.CONSENT,
    provider_ids=(PROVIDER,),
    consents=CONSENTED.consents,
)
PUBLICATION = Publication(
    jurisdiction=Jurisdiction.NL,
    sender_id=SENDER,
    sender_type="tax_administration",
    outside_government=False,
    notification_only=False,
    mailbox_taken_into_use=True,
    sender_time_zone=SenderTimeZone.BRUSSELS,
    published_at=AT,
)
PUBLISHED = MessagePublished(
    mailbox_id=PERSON, channel=MessageChannel.DIGITAL, provider_ids=(PROVIDER,), publication=PUBLICATION
)
IMPOSSIBLE = MessageNotificationImpossible(reason=ImpossibleReason.NO_VERIFIED_ADDRESS)
NOTIFIED = MessageNotified(provider_id=PROVIDER)
FAILED = MessageNotificationFailed(provider_id=PROVIDER, code="smtp-550")

READ: dict[str, Any] = {
    "at": LATER,
    "by": PROVIDER,
    "message_id": MESSAGE_ID,
    "person_id": PERSON,
    "reader": Reader(provider_enrolled=True, provider_has_consent=False),
}
OPEN = OpenMessage(**READ)
CONFIRM = ConfirmMessage(**READ)
REPLY = ReplyToMessage(**READ, reply_message_id="message-2", contents=(MAIN,))

READER: dict[str, Any] = {"provider_id": PROVIDER, "acting_person_id": PERSON, "mandate_id": ""}
OPENED = MessageOpened(**READER, mailbox_id=PERSON, notification=NotificationStatus.PENDING, publication=PUBLICATION)
CONFIRMED = MessageConfirmed(**READER)
REPLIED = MessageReplied(**READER, reply_message_id="message-2", contents=(MAIN,))
ALERTED = MessageExpiryAlerted(expires_at=EXPIRY)
EXPIRED = MessageExpired(opened=False, alerted=True)
