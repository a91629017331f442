"""Mailboxes, the messages in them with their timelines, missed letters and the counts by month, sender and channel."""

from __future__ import annotations

import strawberry

from api.graph.queries.filters import Filters, equals
from api.graph.queries.groups import by_columns, by_month, counted
from api.graph.queries.personal_text import personal_text
from api.graph.queries.row_queries import Listed, children_of, groups_of, one_of
from api.graph.queries.row_types import of_counts, of_row
from api.graph.queries.sources import Argument
from api.graph.queries.values import Long
from api.graph.types.organisations import organisation_in
from domain.mailbox.message.model import MessageSent
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import NotificationStatus
from domain.organisations.values import OrganisationType
from projections import mailboxes, message_counts, message_timeline, messages, open_rates
from projections.mailboxes import Row as BoxRow
from projections.message_counts import Row as CountRow
from projections.message_timeline import Row as StepRow
from projections.messages import Row
from projections.open_rates import Row as CohortRow

# --- Types ----------------------------------------------------------------------------------------------------------


@of_row(
    message_timeline.READ_MODEL,
    "MessageStep",
    "Something that happened to a message.",
    hide=(StepRow.message_id,),
)
class MessageStepNode:
    detail: str | None
    organisation_id: strawberry.ID | None
    mandate_id: strawberry.ID | None


@of_row(
    messages.READ_MODEL,
    "Message",
    "A message, whatever its channel. Its contents stay with sender and recipient.",
    hide=(Row.payment_reference, Row.enterprise_id, Row.enterprise_provider_id, Row.provider_ids),
)
class MessageNode:
    sender_type: OrganisationType
    on_behalf_of: strawberry.ID | None = strawberry.field(name="onBehalfOfId")
    notification: NotificationStatus | None
    notification_code: str | None
    currency: str | None
    in_reply_to: strawberry.ID | None = strawberry.field(name="inReplyToId")
    reply_message_id: strawberry.ID | None

    subject = personal_text(Row.subject, MESSAGE.stream, MessageSent, "What it is about.")
    payment_reference = personal_text(
        Row.payment_reference,
        MESSAGE.stream,
        MessageSent,
        "The structured reference to pay with.",
        path="payment.reference",
    )
    sender = organisation_in(Row.sender_id)
    timeline = children_of(
        MessageStepNode, StepRow.message_id, "Its steps, the oldest first; at most 200.", StepRow.version
    )


@of_row(
    mailboxes.READ_MODEL,
    "Mailbox",
    "The mailbox of a person or an enterprise; its id is that of its owner.",
    hide=(BoxRow.enterprise_provider_id,),
)
class MailboxNode:
    address_kind: str | None
    provider = organisation_in(BoxRow.provider_id)


@of_counts(message_counts.READ_MODEL, "MessageCount", "Messages in the month in which they were sent or delivered.")
class MessageCount:
    sender_type: OrganisationType | None


@of_counts(
    open_rates.READ_MODEL,
    "OpenRateCohort",
    "What was published in a group, and opened within 3 and 6 weeks of its publication.",
)
class OpenRateCohort:
    sender_type: OrganisationType | None
    opened_3_weeks: Long = strawberry.field(name="opened3Weeks")
    opened_6_weeks: Long = strawberry.field(name="opened6Weeks")


# --- Queries --------------------------------------------------------------------------------------------------------

MESSAGES = Listed(
    MessageNode,
    (
        *(Row.mailbox_id, Row.owner_kind, Row.jurisdiction, Row.sender_id, Row.on_behalf_of),
        *(Row.requires_payment, Row.sent_at, Row.published_at, Row.expires_at),
    ),
    any_of=(Row.message_type, Row.channel, Row.status, Row.notification),
    by=(
        by_month(Row.sent_at),
        *by_columns(Row.channel, Row.channel_reason, Row.message_type, Row.status, Row.sender_id),
    ),
    totals={"messages": counted()},
)


@strawberry.type
class MailboxQueries:
    mailbox = one_of(MailboxNode)
    mailboxes = Listed(
        MailboxNode,
        (BoxRow.owner_kind, BoxRow.jurisdiction, BoxRow.provider_id, BoxRow.exclusive_digital, BoxRow.opened_at),
        any_of=(BoxRow.address_status,),
    ).field("newest", "Mailboxes, the newest first.")
    message = one_of(MessageNode)
    messages = MESSAGES.field("newest", "Messages, the newest first.")
    inbox = MESSAGES.field(
        "newest",
        "What can be read in a mailbox, the newest first; a letter on paper is not in it.",
        [Argument("mailbox_id", strawberry.ID, equals(Row.mailbox_id), required=True)],
        also=Filters(fixed=[Row.published_at.is_not(None)]),
    )
    missed_letters = MESSAGES.field(
        "missed", "Letters unread, of which no notification could reach the recipient; longest first."
    )
    message_counts = groups_of(
        MessageCount,
        "Messages of the senders that the caller may see, in groups.",
        (CountRow.jurisdiction, CountRow.sender_id),
        any_of=(CountRow.sender_type, CountRow.channel),
        months=CountRow.month,
    )
    open_rate_cohorts = groups_of(
        OpenRateCohort,
        "The cohorts behind the open rates; a period is the month of publication.",
        (
            *(CohortRow.jurisdiction, CohortRow.outside_government),
            *(CohortRow.notification_only, CohortRow.taken_into_use),
        ),
        any_of=(CohortRow.sender_type,),
        months=CohortRow.period,
        by_name="OpenRateDimension",
    )
