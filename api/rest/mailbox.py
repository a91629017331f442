"""Commands of the mailbox: providers pass on what owners wish, senders send, the platform lets messages expire."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import Relation, agency, system
from domain.mailbox.mailbox import (
    OpenMailbox,
    RecordFirstUse,
    RemoveNotificationAddress,
    SetChannelPreference,
    SetNotificationAddress,
    VerifyNotificationAddress,
)
from domain.mailbox.message.model import (
    AlertMessageExpiry,
    ConfirmMessage,
    ExpireMessage,
    OpenMessage,
    RecordNotification,
    ReplyToMessage,
    SendMessage,
)

_MAILBOX = "/mailboxes/{mailbox_id}"
_MESSAGE = "/messages/{message_id}"

ROUTES = (
    CommandRoute(
        OpenMailbox,
        f"{_MAILBOX}/openings",
        right=agency(Relation.MAILBOX_PROVIDER),
        summary="Open the mailbox of a person or an enterprise.",
    ),
    CommandRoute(
        SetNotificationAddress,
        f"{_MAILBOX}/notification-addresses",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Name the address for notifications; the address itself stays with the mailbox provider.",
        creates="address_id",
    ),
    CommandRoute(
        VerifyNotificationAddress,
        f"{_MAILBOX}/notification-addresses/{{address_id}}/verifications",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Record that the owner has shown that the address is theirs.",
    ),
    CommandRoute(
        RemoveNotificationAddress,
        f"{_MAILBOX}/notification-addresses/{{address_id}}/removals",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Remove the address for notifications; none is obligatory.",
    ),
    CommandRoute(
        SetChannelPreference,
        f"{_MAILBOX}/channel-preferences",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Say whether post should come digitally only.",
    ),
    CommandRoute(
        RecordFirstUse,
        f"{_MAILBOX}/first-uses",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Record that the owner took the mailbox into use.",
    ),
    CommandRoute(
        SendMessage,
        "/messages",
        right=agency(Relation.SENDER),
        summary="Send a message; consent decides whether it goes digitally or on paper.",
        creates="message_id",
    ),
    CommandRoute(
        RecordNotification,
        f"{_MESSAGE}/notifications",
        right=agency(Relation.DELIVERER),
        summary="Report what became of the notification of a delivered message.",
    ),
    CommandRoute(
        OpenMessage,
        f"{_MESSAGE}/openings",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Record that the reader consulted the main content; only the first time counts.",
    ),
    CommandRoute(
        ConfirmMessage,
        f"{_MESSAGE}/confirmations",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Record that the reader confirms receipt.",
    ),
    CommandRoute(
        ReplyToMessage,
        f"{_MESSAGE}/replies",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Answer a message whose sender takes replies.",
        creates="reply_message_id",
    ),
    CommandRoute(
        AlertMessageExpiry,
        f"{_MESSAGE}/expiry-alerts",
        right=system(),
        summary="Warn that a message is about to expire.",
    ),
    CommandRoute(
        ExpireMessage,
        f"{_MESSAGE}/expiries",
        right=system(),
        summary="Let a message expire that has reached its expiry.",
    ),
)
