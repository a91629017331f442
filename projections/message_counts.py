"""How many messages were sent and delivered, by month, sender and channel; and so which organisations send.

Delivered means published to an active mailbox: one whose owner consented, or the open mailbox of an enterprise.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Text

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
