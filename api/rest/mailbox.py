"""Commands of the mailbox: providers act for owners, senders send, the platform lets messages expire."""

from __future__ import annotations

from api.rest.command_route import CommandRoute, routes_below
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
        "/mailboxes/{mailbox_id}/openings",
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
    *routes_below(
        "/mailboxes/{mailbox_id}",
        agency(Relation.PROVIDER_OF_MAILBOX),
        {
            "notification-addresses/{address_id}/verifications": (
                VerifyNotificationAddress,
                "Record that the owner has shown that the address is theirs.",
            ),
            "notification-addresses/{address_id}/removals": (
                RemoveNotificationAddress,
                "Remove the address for notifications; none is obligatory.",
            ),
            "channel-preferences": (SetChannelPreference, "Say whether post should come digitally only."),
            "first-uses": (RecordFirstUse, "Record that the owner took the mailbox into use."),
        },
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
        "/messages/{message_id}/notifications",
        right=agency(Relation.DELIVERER),
        summary="Report what became of the notification of a delivered message.",
    ),
    *routes_below(
        "/messages/{message_id}",
        agency(Relation.PROVIDER_OF_MAILBOX),
        {
            "openings": (OpenMessage, "Record that the reader consulted the main content; only the first time counts."),
            "confirmations": (ConfirmMessage, "Record that the reader confirms receipt."),
        },
    ),
    CommandRoute(
        ReplyToMessage,
        f"{_MESSAGE}/replies",
        right=agency(Relation.PROVIDER_OF_MAILBOX),
        summary="Answer a message whose sender takes replies.",
        creates="reply_message_id",
    ),
    *routes_below(
        "/messages/{message_id}",
        system(),
        {
            "expiry-alerts": (AlertMessageExpiry, "Warn that a message is about to expire."),
            "expiries": (ExpireMessage, "Let a message expire that has reached its expiry."),
        },
    ),
)
