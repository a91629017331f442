"""Commands of the bus: the source asks, the platform forwards, the target answers."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import Relation, agency, system
from domain.bus import (
    AcceptTransaction,
    AnswerTransaction,
    FailDelivery,
    FaultTransaction,
    ForwardTransaction,
    TimeOutTransaction,
)

_TRANSACTION = "/transactions/{transaction_id}"

ROUTES = (
    CommandRoute(
        AcceptTransaction,
        "/transactions",
        right=agency(Relation.BUS_MEMBER),
        summary="Ask another organisation for a service; logged before anything is forwarded.",
        creates="transaction_id",
    ),
    CommandRoute(
        ForwardTransaction,
        f"{_TRANSACTION}/forwardings",
        right=system(),
        summary="Record an attempt to hand the request to the target.",
    ),
    CommandRoute(
        AnswerTransaction,
        f"{_TRANSACTION}/answers",
        right=agency(Relation.TARGET),
        summary="Answer a request; the log keeps the digest and the size of the answer.",
    ),
    CommandRoute(
        FaultTransaction,
        f"{_TRANSACTION}/faults",
        right=agency(Relation.TARGET),
        summary="Answer that the request could not be served, with a code.",
    ),
    CommandRoute(
        FailDelivery,
        f"{_TRANSACTION}/delivery-failures",
        right=system(),
        summary="Give up: the request could not be brought to the target.",
    ),
    CommandRoute(
        TimeOutTransaction,
        f"{_TRANSACTION}/timeouts",
        right=system(),
        summary="End a transaction whose time to answer has passed.",
    ),
)
