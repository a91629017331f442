"""Doors of the mailbox: providers pass on what owners wish, senders send, the platform lets messages expire."""

from __future__ import annotations

from api.rest.doors import Door
from domain.mailbox import (
    AlertMessageExpiry,
    ConfirmMessage,
    ExpireMessage,
    OpenMailbox,
    OpenMessage,
    RecordFirstUse,
    RecordNotification,
    RemoveNotificationAddress,
    ReplyToMessage,
    SendMessage,
    SetChannelPreference,
    SetNotificationAddress,
    VerifyNotificationAddress,
)

_MAILBOX = "/mailboxes/{mailbox_id}"
_MESSAGE = "/messages/{message_id}"

DOORS = (
    Door(
        intent="open-mailbox",
        path=f"{_MAILBOX}/openings",
        command=OpenMailbox,
        activity="mailbox-management",
        summary="Open the mailbox of a person or an enterprise.",
    ),
    Door(
        intent="set-notification-address",
        path=f"{_MAILBOX}/notification-addresses",
        command=SetNotificationAddress,
        activity="mailbox-management",
        summary="Name the address for notifications; the address itself stays with the mailbox provider.",
        creates="address_id",
    ),
    Door(
        intent="verify-notification-address",
        path=f"{_MAILBOX}/notification-addresses/{{address_id}}/verifications",
        command=VerifyNotificationAddress,
        activity="mailbox-management",
        summary="Record that the owner has shown that the address is theirs.",
    ),
    Door(
        intent="remove-notification-address",
        path=f"{_MAILBOX}/notification-addresses/{{address_id}}/removals",
        command=RemoveNotificationAddress,
        activity="mailbox-management",
        summary="Remove the address for notifications; none is obligatory.",
    ),
    Door(
        intent="set-channel-preference",
        path=f"{_MAILBOX}/channel-preferences",
        command=SetChannelPreference,
        activity="mailbox-management",
        summary="Say whether post should come digitally only.",
    ),
    Door(
        intent="record-first-use",
        path=f"{_MAILBOX}/first-uses",
        command=RecordFirstUse,
        activity="mailbox-management",
        summary="Record that the owner took the mailbox into use.",
    ),
    Door(
        intent="send-message",
        path="/messages",
        command=SendMessage,
        activity="digital-mail-delivery",
        summary="Send a message; consent decides whether it goes digitally or on paper.",
        creates="message_id",
    ),
    Door(
        intent="record-notification",
        path=f"{_MESSAGE}/notifications",
        command=RecordNotification,
        activity="digital-mail-delivery",
        summary="Report what became of the notification of a delivered message.",
    ),
    Door(
        intent="open-message",
        path=f"{_MESSAGE}/openings",
        command=OpenMessage,
        activity="digital-mail-reading",
        summary="Record that the reader consulted the main content; only the first time counts.",
    ),
    Door(
        intent="confirm-message",
        path=f"{_MESSAGE}/confirmations",
        command=ConfirmMessage,
        activity="digital-mail-reading",
        summary="Record that the reader confirms receipt.",
    ),
    Door(
        intent="reply-to-message",
        path=f"{_MESSAGE}/replies",
        command=ReplyToMessage,
        activity="digital-mail-reading",
        summary="Answer a message whose sender takes replies.",
        creates="reply_message_id",
    ),
    Door(
        intent="alert-message-expiry",
        path=f"{_MESSAGE}/expiry-alerts",
        command=AlertMessageExpiry,
        activity="digital-mail-delivery",
        summary="Warn that a message is about to expire.",
    ),
    Door(
        intent="expire-message",
        path=f"{_MESSAGE}/expiries",
        command=ExpireMessage,
        activity="digital-mail-delivery",
        summary="Let a message expire that has reached its expiry.",
    ),
)
