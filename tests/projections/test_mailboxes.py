"""The read model of mailboxes: where notifications go, what is preferred, whether it is in use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.kernel import Jurisdiction
from domain.mailbox.mailbox import (
    ChannelPreferenceSet,
    MailboxOpened,
    MailboxTakenIntoUse,
    NotificationAddressRemoved,
    NotificationAddressSet,
    NotificationAddressVerified,
)
from domain.mailbox.values import AddressKind, OwnerKind
from projections.mailboxes import READ_MODEL
from tests.projections.story import recorded, rows

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
OPENED = MailboxOpened(owner_kind=OwnerKind.PERSON, provider_id="provider-1", jurisdiction=Jurisdiction.BE)
ADDRESS_SET = NotificationAddressSet(address_id="address-1", kind=AddressKind.SMS, provider_id="provider-1")
VERIFIED = NotificationAddressVerified(address_id="address-1", provider_id="provider-1")
REMOVED = NotificationAddressRemoved(address_id="address-1", provider_id="provider-1")
PREFERRED = ChannelPreferenceSet(exclusive_digital=True, provider_id="provider-1")
USED = MailboxTakenIntoUse(owner_kind=OwnerKind.PERSON, provider_id="provider-1", jurisdiction=Jurisdiction.BE)


def _row(*events: Any) -> dict[str, Any]:
    history = [
        recorded(event, AT + timedelta(days=day), stream="mailbox-person-1", version=day + 1)
        for day, event in enumerate(events)
    ]
    return rows(READ_MODEL, history)["person-1",]


def test_a_mailbox_begins_without_address_and_unused() -> None:
    assert _row(OPENED) == {
        "owner_kind": "person",
        "jurisdiction": "be",
        "provider_id": "provider-1",
        "enterprise_provider_id": "",
        "address_status": "none",
        "address_kind": "",
        "exclusive_digital": False,
        "opened_at": AT,
        "taken_into_use_at": None,
    }


def test_the_provider_of_an_enterprises_mailbox_is_a_party_to_it() -> None:
    opened = replace(OPENED, owner_kind=OwnerKind.ENTERPRISE)
    assert _row(opened)["enterprise_provider_id"] == "provider-1"


def test_the_address_is_set_verified_changed_and_removed() -> None:
    assert _row(OPENED, ADDRESS_SET)["address_status"] == "unverified"
    assert _row(OPENED, ADDRESS_SET)["address_kind"] == "sms"
    assert _row(OPENED, ADDRESS_SET, VERIFIED)["address_status"] == "verified"
    assert _row(OPENED, ADDRESS_SET, VERIFIED, ADDRESS_SET)["address_status"] == "unverified"
    removed = _row(OPENED, ADDRESS_SET, VERIFIED, REMOVED)
    assert (removed["address_status"], removed["address_kind"]) == ("none", "")


def test_preference_and_first_use_are_kept() -> None:
    row = _row(OPENED, PREFERRED, USED)
    assert row["exclusive_digital"] is True
    assert row["taken_into_use_at"] == AT + timedelta(days=2)
