"""How many messages were sent and delivered, by month, sender and channel; and so which organisations send.

Delivered means published to an active mailbox: one whose owner consented, or the open mailbox of an enterprise.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Select, Text, cast, func, select

from domain.kernel import Recorded
from domain.mailbox import MessagePublished, MessageSent
from projections.effects import Add, Effect, Projection, civil_month, read_table

TABLE = read_table(
    "message_counts",
    1,
    Column("month", Text, primary_key=True),
    Column("jurisdiction", Text, primary_key=True),
    Column("sender_id", Text, primary_key=True),
    Column("sender_type", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("sent", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
)


def _sent(recorded: Recorded[MessageSent]) -> Iterable[Effect]:
    event = recorded.event
    month = civil_month(recorded.context.effective_at)
    yield Add(
        (month, event.jurisdiction.value, event.sender_id, event.sender_type, event.channel.value),
        {"sent": 1},
    )


def _published(recorded: Recorded[MessagePublished]) -> Iterable[Effect]:
    event = recorded.event
    publication = event.publication
    month = civil_month(publication.published_at)
    yield Add(
        (
            month,
            publication.jurisdiction.value,
            publication.sender_id,
            publication.sender_type,
            event.channel.value,
        ),
        {"delivered": 1},
    )


PROJECTION = Projection(
    name="message_counts",
    version=1,
    table=TABLE,
    rules={MessageSent: _sent, MessagePublished: _published},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def messages_by_month(jurisdiction: str, first_month: str, last_month: str) -> Select[str, int, int]:
    """Sum the messages sent and delivered in each month from the first to the last, both included."""
    c = TABLE.c
    return (
        select(
            c.month,
            cast(func.sum(c.sent), BigInteger).label("sent"),
            cast(func.sum(c.delivered), BigInteger).label("delivered"),
        )
        .where(c.jurisdiction == jurisdiction, c.month.between(first_month, last_month))
        .group_by(c.month)
        .order_by(c.month)
    )


def sending_organisations(jurisdiction: str, first_month: str, last_month: str) -> Select[int]:
    """Count the organisations that sent at least one message in these months."""
    c = TABLE.c
    return select(func.count(func.distinct(c.sender_id))).where(
        c.jurisdiction == jurisdiction, c.month.between(first_month, last_month), c.sent > 0
    )
