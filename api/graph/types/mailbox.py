"""Mailboxes, the messages in them with their timelines, missed letters and the counts by month, sender and channel."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, month_of, part, summed, totals
from api.graph.queries.personal_text import PersonalText, opened
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Id, Long, Months, described
from api.graph.types.organisations import Organisation, organisation_of
from domain.kernel import Jurisdiction
from domain.mailbox.message.model import MessageSent, MessageStatus
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import ChannelReason, MessageChannel, MessageType, NotificationStatus, OwnerKind
from domain.organisations.values import OrganisationType
from projections import mailboxes, message_counts, message_timeline, open_rates
from projections.mailboxes import AddressStatus
from projections.messages import MISSED, TABLE

BOXES, STEPS = mailboxes.TABLE, message_timeline.TABLE
COUNTS, COHORTS = message_counts.TABLE, open_rates.TABLE

NEWEST_FIRST = Order((TABLE.c.sent_at, TABLE.c.message_id), newest_first=True)
LONGEST_MISSED_FIRST = Order((TABLE.c.published_at, TABLE.c.message_id))
NEWEST_BOX_FIRST = Order((BOXES.c.opened_at, BOXES.c.mailbox_id), newest_first=True)


strawberry.enum(AddressStatus)


# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type(description="Something that happened to a message.")
class MessageStep:
    version: Long
    happening: str
    detail: str | None
    organisation_id: strawberry.ID | None
    mandate_id: strawberry.ID | None
    happened_at: datetime


@strawberry.type(description="A message, whatever its channel. Its contents stay with sender and recipient.")
class Message:
    message_id: strawberry.ID = strawberry.field(name="id")
    mailbox_id: strawberry.ID
    owner_kind: OwnerKind
    jurisdiction: Jurisdiction
    sender_id: strawberry.ID
    sender_type: OrganisationType
    on_behalf_of: strawberry.ID | None = strawberry.field(name="onBehalfOfId")
    message_type: MessageType
    channel: MessageChannel
    channel_reason: ChannelReason
    status: MessageStatus
    notification: NotificationStatus | None
    notification_code: str | None
    attachment_count: Long
    requires_payment: bool
    amount_cents: Long | None
    currency: str | None
    notification_only: bool
    reply_allowed: bool
    in_reply_to: strawberry.ID | None = strawberry.field(name="inReplyToId")
    reply_message_id: strawberry.ID | None
    sent_at: datetime
    published_at: datetime | None
    notified_at: datetime | None
    first_opened_at: datetime | None
    confirmed_at: datetime | None
    replied_at: datetime | None
    expires_at: datetime | None
    expiry_alerted_at: datetime | None
    expired_at: datetime | None

    @strawberry.field
    async def sender(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.sender_id)

    @described("What it is about.", name="subject")
    async def subject_of_message(self, info: Info) -> PersonalText | None:
        sealed: str = self.subject  # type: ignore[attr-defined]
        return await opened(info, sealed, MESSAGE.stream(self.message_id), MessageSent, "subject")

    @described("The structured reference to pay with.", name="paymentReference")
    async def reference_of_payment(self, info: Info) -> PersonalText | None:
        sealed: str = self.payment_reference  # type: ignore[attr-defined]
        return await opened(info, sealed, MESSAGE.stream(self.message_id), MessageSent, "payment.reference")

    @described("Its steps, the oldest first; at most 200.")
    async def timeline(self, info: Info) -> list[MessageStep]:
        found: list[MessageStep] = await info.context.children(STEPS, "message_id", self.message_id, STEPS.c.version)
        return found


@strawberry.type(description="The mailbox of a person or an enterprise; its id is that of its owner.")
class Mailbox:
    mailbox_id: strawberry.ID = strawberry.field(name="id")
    owner_kind: OwnerKind
    jurisdiction: Jurisdiction
    provider_id: strawberry.ID
    address_status: AddressStatus
    address_kind: str | None
    exclusive_digital: bool
    opened_at: datetime
    taken_into_use_at: datetime | None

    @strawberry.field
    async def provider(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.provider_id)


@strawberry.type(description="Messages in the month in which they were sent or delivered.")
class MessageCount:
    month: str | None
    jurisdiction: Jurisdiction | None
    sender_id: strawberry.ID | None
    sender_type: OrganisationType | None
    channel: MessageChannel | None
    sent: Long
    delivered: Long


@strawberry.type(description="What was published in a group, and opened within 3 and 6 weeks of its publication.")
class OpenRateCohort:
    jurisdiction: Jurisdiction | None
    period: str | None
    sender_type: OrganisationType | None
    outside_government: bool | None
    notification_only: bool | None
    taken_into_use: bool | None
    published: Long
    opened_3_weeks: Long = strawberry.field(name="opened3Weeks")
    opened_6_weeks: Long = strawberry.field(name="opened6Weeks")


# --- Groups and filters ---------------------------------------------------------------------------------------------


@strawberry.enum
class MessageDimension(StrEnum):
    """By what messages are counted; the month is that of sending."""

    MONTH = "month"
    CHANNEL = "channel"
    CHANNEL_REASON = "channel_reason"
    MESSAGE_TYPE = "message_type"
    STATUS = "status"
    SENDER = "sender_id"


DIMENSIONS = {
    "month": month_of(TABLE.c.sent_at),
    **{name: TABLE.c[name] for name in ("channel", "channel_reason", "message_type", "status", "sender_id")},
}


@strawberry.type
class MessageTotal:
    month: str | None
    channel: MessageChannel | None
    channel_reason: ChannelReason | None
    message_type: MessageType | None
    status: MessageStatus | None
    sender_id: strawberry.ID | None
    messages: Long


@strawberry.input
class MessageFilter:
    mailbox_id: strawberry.ID | None = None
    owner_kind: OwnerKind | None = None
    jurisdiction: Jurisdiction | None = None
    sender_id: strawberry.ID | None = None
    on_behalf_of: strawberry.ID | None = strawberry.field(name="onBehalfOfId", default=None)
    message_type: list[MessageType] | None = None
    channel: list[MessageChannel] | None = None
    status: list[MessageStatus] | None = None
    notification: list[NotificationStatus] | None = None
    requires_payment: bool | None = None
    sent_at: During | None = None
    published_at: During | None = None
    expires_at: During | None = None


@strawberry.input
class MailboxFilter:
    owner_kind: OwnerKind | None = None
    jurisdiction: Jurisdiction | None = None
    provider_id: strawberry.ID | None = None
    address_status: list[AddressStatus] | None = None
    exclusive_digital: bool | None = None
    opened_at: During | None = None


@strawberry.enum
class MessageCountDimension(StrEnum):
    """By what the counts are cut."""

    MONTH = "month"
    JURISDICTION = "jurisdiction"
    SENDER = "sender_id"
    SENDER_TYPE = "sender_type"
    CHANNEL = "channel"


@strawberry.input
class MessageCountFilter:
    month: Months | None = strawberry.field(name="months", default=None)
    jurisdiction: Jurisdiction | None = None
    sender_id: strawberry.ID | None = None
    sender_type: list[OrganisationType] | None = None
    channel: list[MessageChannel] | None = None


@strawberry.enum
class OpenRateDimension(StrEnum):
    """By what the cohorts are put together."""

    JURISDICTION = "jurisdiction"
    PERIOD = "period"
    SENDER_TYPE = "sender_type"
    OUTSIDE_GOVERNMENT = "outside_government"
    NOTIFICATION_ONLY = "notification_only"
    TAKEN_INTO_USE = "taken_into_use"


@strawberry.input
class OpenRateCohortFilter:
    jurisdiction: Jurisdiction | None = None
    period: Months | None = strawberry.field(name="periods", default=None)
    sender_type: list[OrganisationType] | None = None
    outside_government: bool | None = None
    notification_only: bool | None = None
    taken_into_use: bool | None = None


# --- Connections ----------------------------------------------------------------------------------------------------


@strawberry.type
class MessageConnection(Connection[Message]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[MessageDimension]) -> list[MessageTotal]:
        found: list[MessageTotal] = await self.listing.totals(by, DIMENSIONS, func.count().label("messages"))
        return found


@strawberry.type
class MailboxConnection(Connection[Mailbox]):
    pass


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class MailboxQueries:
    @strawberry.field
    async def mailbox(self, info: Info, mailbox_id: Id) -> Mailbox | None:
        found: Mailbox | None = await info.context.one(BOXES, mailbox_id=mailbox_id)
        return found

    @described("Mailboxes, the newest first.")
    async def mailboxes(
        self,
        info: Info,
        *,
        where: MailboxFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MailboxConnection:
        wanted = part(first, after, last, before)
        kept = conditions(BOXES, where)
        return MailboxConnection(listing=Listing(info.context, BOXES, NEWEST_BOX_FIRST, kept, wanted))

    @described("What can be read in a mailbox, the newest first; a letter on paper is not in it.")
    async def inbox(
        self,
        info: Info,
        *,
        mailbox_id: strawberry.ID,
        where: MessageFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MessageConnection:
        wanted = part(first, after, last, before)
        kept = [TABLE.c.mailbox_id == mailbox_id, TABLE.c.published_at.is_not(None), *conditions(TABLE, where)]
        return MessageConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, kept, wanted))

    @strawberry.field
    async def message(self, info: Info, message_id: Id) -> Message | None:
        found: Message | None = await info.context.one(TABLE, message_id=message_id)
        return found

    @described("Messages, the newest first.")
    async def messages(
        self,
        info: Info,
        *,
        where: MessageFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MessageConnection:
        wanted = part(first, after, last, before)
        return MessageConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, conditions(TABLE, where), wanted))

    @described("Letters unread, of which no notification could reach the recipient; longest first.")
    async def missed_letters(
        self,
        info: Info,
        *,
        where: MessageFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MessageConnection:
        wanted = part(first, after, last, before)
        kept = [*MISSED, *conditions(TABLE, where)]
        return MessageConnection(listing=Listing(info.context, TABLE, LONGEST_MISSED_FIRST, kept, wanted))

    @described("Messages of the senders that the caller may see, in groups.")
    async def message_counts(
        self, info: Info, by: list[MessageCountDimension], where: MessageCountFilter | None = None
    ) -> list[MessageCount]:
        dimensions = {it.value: COUNTS.c[it.value] for it in MessageCountDimension}
        kept, measures = conditions(COUNTS, where), [summed(COUNTS.c[name]) for name in ("sent", "delivered")]
        found: list[MessageCount] = await totals(info.context, COUNTS, kept, by, dimensions, *measures)
        return found

    @described("The cohorts behind the open rates; a period is the month of publication.")
    async def open_rate_cohorts(
        self, info: Info, by: list[OpenRateDimension], where: OpenRateCohortFilter | None = None
    ) -> list[OpenRateCohort]:
        dimensions = {it.value: COHORTS.c[it.value] for it in OpenRateDimension}
        measures = [summed(COHORTS.c[name]) for name in ("published", "opened_3_weeks", "opened_6_weeks")]
        kept = conditions(COHORTS, where)
        found: list[OpenRateCohort] = await totals(info.context, COHORTS, kept, by, dimensions, *measures)
        return found
