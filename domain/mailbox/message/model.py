"""Values, events, commands and state of a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from domain.kernel import CommandBase, Jurisdiction, PersonalText, PurposeGroup, fact, personal
from domain.kernel.kinds import OptionalId
from domain.mailbox.values import (
    FAILURE_CODE,
    SUBJECT,
    ChannelReason,
    ConsentEvidence,
    Contents,
    ImpossibleReason,
    MessageChannel,
    MessageType,
    NotificationOutcome,
    NotificationStatus,
    Original,
    OwnerKind,
    Payment,
    Reader,
    Recipient,
    Sender,
    SenderTimeZone,
    SenderType,
)

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The dimensions for counting openings, fixed at publication and repeated with the opening."""

    jurisdiction: Jurisdiction
    sender_id: str
    sender_type: SenderType
    outside_government: bool
    notification_only: bool
    mailbox_taken_into_use: bool
    sender_time_zone: SenderTimeZone
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """A message was accepted, with the decision on its channel and the facts on which that decision rests.

    Its subject, and the reference by which it is paid, are personal data of the owner of the mailbox.
    """

    mailbox_id: str
    owner_kind: OwnerKind
    jurisdiction: Jurisdiction
    sender_id: str
    sender_type: SenderType
    outside_government: bool
    double_channel_until: date | None
    sender_time_zone: SenderTimeZone
    message_type: MessageType
    subject: Annotated[PersonalText, SUBJECT] = personal(
        "mailbox_id", PurposeGroup.CORRESPONDENCE, default=PersonalText("")
    )
    contents: Contents
    payment: Payment | None = personal("mailbox_id", PurposeGroup.CORRESPONDENCE, within="reference")
    requires_payment: bool
    notification_only: bool
    reply_allowed: bool
    in_reply_to: OptionalId
    on_behalf_of: OptionalId
    expires_at: datetime | None
    channel: MessageChannel
    reason: ChannelReason
    provider_ids: tuple[str, ...]
    consents: tuple[ConsentEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePublished:
    mailbox_id: str
    channel: MessageChannel
    provider_ids: tuple[str, ...]
    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotificationImpossible:
    reason: ImpossibleReason


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotified:
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotificationFailed:
    provider_id: str
    code: Annotated[str, FAILURE_CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOpened:
    """The main content was consulted for the first time; seeing the message in a list is not opening."""

    mailbox_id: str
    provider_id: str
    acting_person_id: str
    mandate_id: OptionalId
    notification: NotificationStatus
    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageConfirmed:
    provider_id: str
    acting_person_id: str
    mandate_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReplied:
    reply_message_id: str
    contents: Contents
    provider_id: str
    acting_person_id: str
    mandate_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExpiryAlerted:
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExpired:
    opened: bool
    alerted: bool


MessageEvent = (
    MessageSent
    | MessagePublished
    | MessageNotificationImpossible
    | MessageNotified
    | MessageNotificationFailed
    | MessageOpened
    | MessageConfirmed
    | MessageReplied
    | MessageExpiryAlerted
    | MessageExpired
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "digital-mail-delivery"
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(MessageCommand):
    """Send a message to the mailbox of a person or an enterprise; the platform decides on the channel."""

    mailbox_id: str
    message_type: MessageType
    subject: Annotated[str, SUBJECT]
    contents: Contents
    payment: Payment | None = None
    requires_payment: bool = False
    notification_only: bool = False
    reply_allowed: bool = False
    in_reply_to: OptionalId = ""
    on_behalf_of: OptionalId = ""
    expires_at: datetime | None = None
    sender_time_zone: SenderTimeZone = SenderTimeZone.BRUSSELS
    sender: Sender = fact(Sender())
    recipient: Recipient = fact(Recipient())
    original: Original = fact(Original())
    on_behalf_of_enrolled: bool = fact(unknown=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNotification(MessageCommand):
    """The mailbox provider reports the outcome of the notification; `code` is the cause of a failure."""

    outcome: NotificationOutcome
    code: Annotated[str, FAILURE_CODE] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCommand(MessageCommand):
    """A command of the person who reads the message, sent by a mailbox provider."""

    ACTIVITY: ClassVar[str] = "digital-mail-reading"
    person_id: str
    mandate_id: str = ""
    reader: Reader = fact(Reader())


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMessage(ReaderCommand):
    """The main content was consulted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmMessage(ReaderCommand):
    """The reader confirms receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToMessage(ReaderCommand):
    reply_message_id: str
    contents: Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessageExpiry(MessageCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireMessage(MessageCommand):
    pass


# --- State ----------------------------------------------------------------------------------------------------------


class MessageStatus(StrEnum):
    """The status of a message; expired is final, confirmed yields only to expiry."""

    ABSENT = "absent"
    ON_PAPER = "on_paper"
    PUBLISHED = "published"
    OPENED = "opened"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    status: MessageStatus = MessageStatus.ABSENT
    mailbox_id: str = ""
    sender_id: str = ""
    reply_allowed: bool = False
    expires_at: datetime | None = None
    provider_ids: tuple[str, ...] = ()
    publication: Publication | None = None
    notification: NotificationStatus = NotificationStatus.PENDING
    failure_code: str = ""
    opened: bool = False
    confirmed: bool = False
    reply_message_id: str = ""
    expiry_alerted: bool = False

    @property
    def exists(self) -> bool:
        return self.status is not MessageStatus.ABSENT
