"""How many messages were sent and delivered, by month, sender and channel; and so which organisations send.

Delivered means published to an active mailbox: one whose owner consented, or the open mailbox of an enterprise.
"""

from __future__ import annotations

from domain.kernel import Jurisdiction, Recorded
from domain.mailbox.message.model import MessagePublished, MessageSent
from domain.mailbox.values import MessageChannel
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[Jurisdiction]
    sender_id: Key[str]
    sender_type: Key[str]
    channel: Key[MessageChannel]
    sent: Col[int]
    delivered: Col[int]


def _sent(recorded: Recorded[MessageSent]) -> Effects[Row]:
    event = recorded.event
    yield add(
        Row,
        Row.month.to(civil_month(recorded.context.effective_at)),
        Row.jurisdiction.to(event.jurisdiction),
        Row.sender_id.to(event.sender_id),
        Row.sender_type.to(event.sender_type),
        Row.channel.to(event.channel),
        Row.sent.to(1),
    )


def _published(recorded: Recorded[MessagePublished]) -> Effects[Row]:
    publication = recorded.event.publication
    yield add(
        Row,
        Row.month.to(civil_month(publication.published_at)),
        Row.jurisdiction.to(publication.jurisdiction),
        Row.sender_id.to(publication.sender_id),
        Row.sender_type.to(publication.sender_type),
        Row.channel.to(recorded.event.channel),
        Row.delivered.to(1),
    )


READ_MODEL = ReadModel(
    name="message_counts",
    version=1,
    row=Row,
    rules={MessageSent: _sent, MessagePublished: _published},
    seen=Seen(parties=(Row.sender_id,), roles=(*STAFF, FIGURES)),
)
