"""A mailbox: opened for its owner, with a notification address that is never obligatory, and taken into use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.kernel import Duplicate, Jurisdiction, NotAllowed, NotFound, OrganisationFacts, RuleBroken
from domain.mailbox.mailbox import (
    MAILBOX,
    ChannelPreferenceSet,
    MailboxCommand,
    MailboxOpened,
    MailboxTakenIntoUse,
    NotificationAddressRemoved,
    NotificationAddressSet,
    NotificationAddressVerified,
    OpenMailbox,
    RecordFirstUse,
    RemoveNotificationAddress,
    SetChannelPreference,
    SetNotificationAddress,
    VerifyNotificationAddress,
)
from domain.mailbox.values import AddressKind, OwnerKind
from tests.domain.given import given

PROVIDER, OTHER = "provider-1", "provider-2"
KNOWN = OrganisationFacts(organisation_id=PROVIDER, enrolled=True, jurisdiction=Jurisdiction.BE)
WISH: dict[str, Any] = {
    "at": datetime(2021, 11, 3, 9, 0, tzinfo=UTC),
    "by": PROVIDER,
    "mailbox_id": "person-1",
    "provider": KNOWN,
}
OPEN = OpenMailbox(**WISH, owner_kind=OwnerKind.PERSON, owner_registered=True)
SET_ADDRESS = SetNotificationAddress(**WISH, address_id="address-1", kind=AddressKind.EMAIL)
VERIFY = VerifyNotificationAddress(**WISH, address_id="address-1")
REMOVE = RemoveNotificationAddress(**WISH, address_id="address-1")
PREFER = SetChannelPreference(**WISH, exclusive_digital=True)
USE = RecordFirstUse(**WISH)

OPENED = MailboxOpened(owner_kind=OwnerKind.PERSON, provider_id=PROVIDER, jurisdiction=Jurisdiction.BE)
ADDRESS_SET = NotificationAddressSet(address_id="address-1", kind=AddressKind.EMAIL, provider_id=PROVIDER)
VERIFIED = NotificationAddressVerified(address_id="address-1", provider_id=PROVIDER)
REMOVED = NotificationAddressRemoved(address_id="address-1", provider_id=PROVIDER)
PREFERRED = ChannelPreferenceSet(exclusive_digital=True, provider_id=PROVIDER)
USED = MailboxTakenIntoUse(owner_kind=OwnerKind.PERSON, provider_id=PROVIDER, jurisdiction=Jurisdiction.BE)

AFTER_OPENING = [SET_ADDRESS, VERIFY, REMOVE, PREFER, USE]


def test_a_mailbox_is_opened_for_a_person_or_an_enterprise() -> None:
    given(MAILBOX).when(OPEN).then(OPENED)
    enterprise = replace(OPEN, owner_kind=OwnerKind.ENTERPRISE)
    given(MAILBOX).when(enterprise).then(replace(OPENED, owner_kind=OwnerKind.ENTERPRISE))


def test_opening_again_says_nothing_new_and_nobody_opens_a_second_one() -> None:
    given(MAILBOX, OPENED).when(OPEN).then()
    given(MAILBOX, OPENED).when(replace(OPEN, by=OTHER)).refused(Duplicate, "mailbox-exists")
    enterprise = replace(OPEN, owner_kind=OwnerKind.ENTERPRISE)
    given(MAILBOX, OPENED).when(enterprise).refused(Duplicate, "mailbox-exists")


def test_the_owner_is_registered() -> None:
    given(MAILBOX).when(replace(OPEN, owner_registered=False)).refused(NotFound, "mailbox-owner-not-found")


@pytest.mark.parametrize("wish", [OPEN, *AFTER_OPENING])
def test_only_an_enrolled_provider_passes_on_a_wish(wish: MailboxCommand) -> None:
    unknown = replace(wish, provider=replace(KNOWN, enrolled=False))
    given(MAILBOX, OPENED).when(unknown).refused(NotAllowed, "not-a-mailbox-provider")


@pytest.mark.parametrize("wish", AFTER_OPENING)
def test_only_a_provider_that_the_owner_chose_passes_on_a_wish(wish: MailboxCommand) -> None:
    given(MAILBOX, OPENED).when(replace(wish, by=OTHER)).refused(NotAllowed, "not-your-mailbox")


def test_a_provider_to_which_the_owner_consented_passes_on_a_wish_too() -> None:
    elsewhere = replace(USE, by=OTHER, provider=replace(KNOWN, organisation_id=OTHER), has_consent=True)
    given(MAILBOX, OPENED).when(elsewhere).then(replace(USED, provider_id=OTHER))


@pytest.mark.parametrize("wish", AFTER_OPENING)
def test_a_mailbox_that_was_never_opened_is_not_found(wish: MailboxCommand) -> None:
    given(MAILBOX).when(wish).refused(NotFound, "mailbox-not-found")


def test_a_notification_address_is_set_verified_and_removed() -> None:
    given(MAILBOX, OPENED).when(SET_ADDRESS).then(ADDRESS_SET)
    given(MAILBOX, OPENED, ADDRESS_SET).when(VERIFY).then(VERIFIED)
    given(MAILBOX, OPENED, ADDRESS_SET, VERIFIED).when(REMOVE).then(REMOVED)


def test_the_same_wish_about_the_address_says_nothing_new() -> None:
    given(MAILBOX, OPENED, ADDRESS_SET, VERIFIED).when(SET_ADDRESS).then()
    given(MAILBOX, OPENED, ADDRESS_SET, VERIFIED).when(VERIFY).then()
    given(MAILBOX, OPENED, ADDRESS_SET, REMOVED).when(REMOVE).then()
    given(MAILBOX, OPENED).when(REMOVE).then()


def test_a_new_address_has_yet_to_be_verified() -> None:
    changed = replace(ADDRESS_SET, address_id="address-2")
    given(MAILBOX, OPENED, ADDRESS_SET, VERIFIED).when(replace(SET_ADDRESS, address_id="address-2")).then(changed)
    state = MAILBOX.fold([OPENED, ADDRESS_SET, VERIFIED, changed])
    assert not state.address_verified


def test_only_the_current_address_can_be_verified_or_removed() -> None:
    changed = replace(ADDRESS_SET, address_id="address-2")
    given(MAILBOX, OPENED, ADDRESS_SET, changed).when(VERIFY).refused(RuleBroken, "not-the-current-address")
    given(MAILBOX, OPENED, ADDRESS_SET, changed).when(REMOVE).refused(RuleBroken, "not-the-current-address")
    given(MAILBOX, OPENED).when(VERIFY).refused(RuleBroken, "no-notification-address")


def test_a_removed_address_is_no_longer_verified() -> None:
    assert not MAILBOX.fold([OPENED, ADDRESS_SET, VERIFIED, REMOVED]).address_verified


def test_digital_only_can_be_preferred_and_taken_back() -> None:
    given(MAILBOX, OPENED).when(PREFER).then(PREFERRED)
    given(MAILBOX, OPENED, PREFERRED).when(PREFER).then()
    back = replace(PREFER, exclusive_digital=False)
    given(MAILBOX, OPENED, PREFERRED).when(back).then(replace(PREFERRED, exclusive_digital=False))


def test_a_mailbox_is_taken_into_use_once() -> None:
    given(MAILBOX, OPENED).when(USE).then(USED)
    given(MAILBOX, OPENED, USED).when(USE).then()
