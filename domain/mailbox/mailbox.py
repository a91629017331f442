"""A mailbox of a person or an enterprise: its notification address, channel preference and first use.

The address itself (e-mail, telephone) stays with the mailbox provider; here it is an opaque id. It is never obligatory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

from domain.kernel import (
    CommandBase,
    Decider,
    Duplicate,
    Jurisdiction,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    RuleBroken,
    fact,
)
from domain.mailbox.values import AddressKind, OwnerKind

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOpened:
    owner_kind: OwnerKind
    provider_id: str
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationAddressSet:
    address_id: str
    kind: AddressKind
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationAddressVerified:
    address_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationAddressRemoved:
    address_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPreferenceSet:
    exclusive_digital: bool
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxTakenIntoUse:
    owner_kind: OwnerKind
    provider_id: str
    jurisdiction: Jurisdiction


MailboxEvent = (
    MailboxOpened
    | NotificationAddressSet
    | NotificationAddressVerified
    | NotificationAddressRemoved
    | ChannelPreferenceSet
    | MailboxTakenIntoUse
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxCommand(CommandBase):
    """A command of the owner of a mailbox, sent by a mailbox provider.

    `has_consent`: the owner consented to digital post at that provider.
    """

    ACTIVITY: ClassVar[str] = "mailbox-management"
    mailbox_id: str
    provider: OrganisationFacts = fact(OrganisationFacts())
    has_consent: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMailbox(MailboxCommand):
    owner_kind: OwnerKind
    owner_registered: bool = fact(unknown=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNotificationAddress(MailboxCommand):
    """Name the address for notifications; a new one takes the place of the old one and has yet to be verified."""

    address_id: str
    kind: AddressKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyNotificationAddress(MailboxCommand):
    address_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveNotificationAddress(MailboxCommand):
    address_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChannelPreference(MailboxCommand):
    """Set whether post comes digitally only, also from senders that still send on paper beside it."""

    exclusive_digital: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFirstUse(MailboxCommand):
    """The owner used the mailbox for the first time: the account is taken into use."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    owner_kind: OwnerKind | None = None
    provider_id: str = ""
    jurisdiction: Jurisdiction = Jurisdiction.BE
    address_id: str = ""
    address_kind: AddressKind | None = None
    address_verified: bool = False
    exclusive_digital: bool = False
    taken_into_use: bool = False

    @property
    def exists(self) -> bool:
        return self.owner_kind is not None


# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_serve(command: MailboxCommand, state: Mailbox) -> None:
    if not command.provider.enrolled:
        raise NotAllowed("not-a-mailbox-provider", "This organisation is not enrolled as a mailbox provider.")
    if isinstance(command, OpenMailbox):
        return
    if not state.exists:
        raise NotFound("mailbox-not-found", "There is no such mailbox.")
    if command.by != state.provider_id and not command.has_consent:
        raise NotAllowed("not-your-mailbox", "Only a mailbox provider that the owner chose can pass on this wish.")


def _open(command: OpenMailbox, state: Mailbox) -> Sequence[MailboxEvent]:
    if state.exists:
        if (state.owner_kind, state.provider_id) == (command.owner_kind, command.by):
            return []
        raise Duplicate("mailbox-exists", "This person or enterprise has a mailbox already.")
    if not command.owner_registered:
        raise NotFound("mailbox-owner-not-found", "The owner of a mailbox must be a registered person or organisation.")
    return [
        MailboxOpened(
            owner_kind=command.owner_kind,
            provider_id=command.by,
            jurisdiction=command.provider.jurisdiction,
        )
    ]


def _set_address(command: SetNotificationAddress, state: Mailbox) -> Sequence[MailboxEvent]:
    if (state.address_id, state.address_kind) == (command.address_id, command.kind):
        return []
    return [NotificationAddressSet(address_id=command.address_id, kind=command.kind, provider_id=command.by)]


def _verify_address(command: VerifyNotificationAddress, state: Mailbox) -> Sequence[MailboxEvent]:
    _must_be_current(command.address_id, state)
    if state.address_verified:
        return []
    return [NotificationAddressVerified(address_id=command.address_id, provider_id=command.by)]


def _remove_address(command: RemoveNotificationAddress, state: Mailbox) -> Sequence[MailboxEvent]:
    if not state.address_id:
        return []
    _must_be_current(command.address_id, state)
    return [NotificationAddressRemoved(address_id=command.address_id, provider_id=command.by)]


def _must_be_current(address_id: str, state: Mailbox) -> None:
    if not state.address_id:
        raise RuleBroken("no-notification-address", "This mailbox has no notification address.")
    if address_id != state.address_id:
        raise RuleBroken("not-the-current-address", "This is not the notification address of the mailbox any more.")


def _set_preference(command: SetChannelPreference, state: Mailbox) -> Sequence[MailboxEvent]:
    if state.exclusive_digital == command.exclusive_digital:
        return []
    return [ChannelPreferenceSet(exclusive_digital=command.exclusive_digital, provider_id=command.by)]


def _take_into_use(command: RecordFirstUse, state: Mailbox) -> Sequence[MailboxEvent]:
    if state.taken_into_use or state.owner_kind is None:
        return []
    return [
        MailboxTakenIntoUse(owner_kind=state.owner_kind, provider_id=command.by, jurisdiction=state.jurisdiction),
    ]


def evolve(state: Mailbox, event: MailboxEvent) -> Mailbox:
    match event:
        case MailboxOpened():
            return Mailbox(owner_kind=event.owner_kind, provider_id=event.provider_id, jurisdiction=event.jurisdiction)
        case NotificationAddressSet():
            return replace(state, address_id=event.address_id, address_kind=event.kind, address_verified=False)
        case NotificationAddressVerified():
            return replace(state, address_verified=True)
        case NotificationAddressRemoved():
            return replace(state, address_id="", address_kind=None, address_verified=False)
        case ChannelPreferenceSet():
            return replace(state, exclusive_digital=event.exclusive_digital)
        case MailboxTakenIntoUse():
            return replace(state, taken_into_use=True)
        case _:
            assert_never(event)


MAILBOX: Decider[MailboxCommand, Mailbox, MailboxEvent] = Decider(
    category="mailbox",
    key=("mailbox_id",),
    initial=Mailbox(),
    guard=_must_serve,
    rules={
        OpenMailbox: _open,
        SetNotificationAddress: _set_address,
        VerifyNotificationAddress: _verify_address,
        RemoveNotificationAddress: _remove_address,
        SetChannelPreference: _set_preference,
        RecordFirstUse: _take_into_use,
    },
    evolve=evolve,
    events={
        "mailbox.mailbox-opened.v1": MailboxOpened,
        "mailbox.notification-address-set.v1": NotificationAddressSet,
        "mailbox.notification-address-verified.v1": NotificationAddressVerified,
        "mailbox.notification-address-removed.v1": NotificationAddressRemoved,
        "mailbox.channel-preference-set.v1": ChannelPreferenceSet,
        "mailbox.taken-into-use.v1": MailboxTakenIntoUse,
    },
)
