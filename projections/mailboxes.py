"""Mailboxes: one row for each, with where its notifications go and whether it is in use."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Boolean, Column, DateTime, Index, Text

from domain.kernel import Recorded
from domain.mailbox import (
    ChannelPreferenceSet,
    MailboxOpened,
    MailboxTakenIntoUse,
    NotificationAddressRemoved,
    NotificationAddressSet,
    NotificationAddressVerified,
)
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "mailboxes",
    1,
    Column("mailbox_id", Text, primary_key=True),
    Column("owner_kind", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("address_status", Text, nullable=False),
    Column("address_kind", Text, nullable=False),
    Column("exclusive_digital", Boolean, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("taken_into_use_at", DateTime(timezone=True), nullable=True),
)
Index("mailboxes_v1_newest", TABLE.c.opened_at, TABLE.c.mailbox_id)
Index("mailboxes_v1_jurisdiction", TABLE.c.jurisdiction, TABLE.c.owner_kind, TABLE.c.mailbox_id)
Index("mailboxes_v1_provider", TABLE.c.provider_id, TABLE.c.mailbox_id)


def _opened(recorded: Recorded[MailboxOpened]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (recorded.aggregate_id,),
        {
            "owner_kind": event.owner_kind.value,
            "jurisdiction": event.jurisdiction.value,
            "provider_id": event.provider_id,
            "address_status": "none",
            "address_kind": "",
            "exclusive_digital": False,
            "opened_at": recorded.context.effective_at,
            "taken_into_use_at": None,
        },
    )


def _address_set(recorded: Recorded[NotificationAddressSet]) -> Iterable[Effect]:
    values = {"address_status": "unverified", "address_kind": recorded.event.kind.value}
    yield Set((recorded.aggregate_id,), values)


def _address_verified(recorded: Recorded[NotificationAddressVerified]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"address_status": "verified"})


def _address_removed(recorded: Recorded[NotificationAddressRemoved]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"address_status": "none", "address_kind": ""})


def _preference_set(recorded: Recorded[ChannelPreferenceSet]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"exclusive_digital": recorded.event.exclusive_digital})


def _taken_into_use(recorded: Recorded[MailboxTakenIntoUse]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"taken_into_use_at": recorded.context.effective_at})


PROJECTION = Projection(
    name="mailboxes",
    version=1,
    table=TABLE,
    rules={
        MailboxOpened: _opened,
        NotificationAddressSet: _address_set,
        NotificationAddressVerified: _address_verified,
        NotificationAddressRemoved: _address_removed,
        ChannelPreferenceSet: _preference_set,
        MailboxTakenIntoUse: _taken_into_use,
    },
)
