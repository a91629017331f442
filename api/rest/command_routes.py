"""The routes of all commands, context by context."""

from __future__ import annotations

from api.rest import access, bus, consent, erasure, identity, invoicing, mailbox, operation, organisations
from api.rest.command_route import CommandRoute

COMMAND_ROUTES: tuple[CommandRoute, ...] = (
    *organisations.ROUTES,
    *identity.ROUTES,
    *consent.ROUTES,
    *mailbox.ROUTES,
    *bus.ROUTES,
    *invoicing.ROUTES,
    *operation.ROUTES,
    *erasure.ROUTES,
    *access.ROUTES,
)
