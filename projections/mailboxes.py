"""Mailboxes: one row for each, with its address for notifications and whether it is in use."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.access.access import Category
from domain.kernel import Jurisdiction, Recorded
from domain.mailbox.mailbox import (
    ChannelPreferenceSet,
    MailboxOpened,
    MailboxTakenIntoUse,
    NotificationAddressRemoved,
    NotificationAddressSet,
    NotificationAddressVerified,
)
from domain.mailbox.values import OwnerKind
from projections.read_model import About, Col, Effects, Key, ListOrder, ReadModel, RowBase, To, change, put
from projections.row_security import Seen


class AddressStatus(StrEnum):
    """Whether the mailbox has an address for notifications."""

    NONE = "none"
    UNVERIFIED = "unverified"
    VERIFIED = "verified"


class Row(RowBase):
    mailbox_id: Key[str]
    owner_kind: Col[OwnerKind]
    jurisdiction: Col[Jurisdiction]
    provider_id: Col[str]
    enterprise_provider_id: Col[str]
    address_status: Col[AddressStatus] = Col(AddressStatus.NONE)
    address_kind: Col[str] = Col("")
    exclusive_digital: Col[bool] = Col(False)
    opened_at: Col[datetime]
    taken_into_use_at: Col[datetime | None] = Col(None)


def _opened(recorded: Recorded[MailboxOpened]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            mailbox_id=recorded.aggregate_id,
            owner_kind=event.owner_kind,
            jurisdiction=event.jurisdiction,
            provider_id=event.provider_id,
            enterprise_provider_id=event.provider_id if event.owner_kind == OwnerKind.ENTERPRISE else "",
            opened_at=recorded.context.effective_at,
        )
    )


def _address_set(recorded: Recorded[NotificationAddressSet]) -> Effects[Row]:
    return _address(recorded, AddressStatus.UNVERIFIED, Row.address_kind.to(recorded.event.kind))


def _address_verified(recorded: Recorded[NotificationAddressVerified]) -> Effects[Row]:
    return _address(recorded, AddressStatus.VERIFIED)


def _address_removed(recorded: Recorded[NotificationAddressRemoved]) -> Effects[Row]:
    return _address(recorded, AddressStatus.NONE, Row.address_kind.to(""))


def _address(recorded: Recorded[object], status: AddressStatus, *others: To[str]) -> Effects[Row]:
    yield change(Row, Row.mailbox_id.to(recorded.aggregate_id), Row.address_status.to(status), *others)


def _preference_set(recorded: Recorded[ChannelPreferenceSet]) -> Effects[Row]:
    exclusive = Row.exclusive_digital.to(recorded.event.exclusive_digital)
    yield change(Row, Row.mailbox_id.to(recorded.aggregate_id), exclusive)


def _taken_into_use(recorded: Recorded[MailboxTakenIntoUse]) -> Effects[Row]:
    yield change(Row, Row.mailbox_id.to(recorded.aggregate_id), Row.taken_into_use_at.to(recorded.context.effective_at))


READ_MODEL = ReadModel(
    name="mailboxes",
    version=2,
    row=Row,
    rules={
        MailboxOpened: _opened,
        NotificationAddressSet: _address_set,
        NotificationAddressVerified: _address_verified,
        NotificationAddressRemoved: _address_removed,
        ChannelPreferenceSet: _preference_set,
        MailboxTakenIntoUse: _taken_into_use,
    },
    indexes={
        "jurisdiction": (Row.jurisdiction, Row.owner_kind, Row.mailbox_id),
        "provider": (Row.provider_id, Row.mailbox_id),
    },
    lists={"newest": ListOrder((Row.opened_at, Row.mailbox_id), newest_first=True)},
    seen=Seen(parties=(Row.mailbox_id, Row.enterprise_provider_id), owner=Row.mailbox_id),
    about={Row.mailbox_id: About(Category.MAILBOX, where={Row.owner_kind: OwnerKind.PERSON})},
)
