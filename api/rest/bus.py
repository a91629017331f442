"""Commands of the bus: the source asks, the platform forwards, the target answers."""

from __future__ import annotations

from api.rest.command_route import CommandRoute, routes_below
from api.rights.relations import Relation, agency, system
from domain.bus import (
    AcceptTransaction,
    AnswerTransaction,
    FailDelivery,
    FaultTransaction,
    ForwardTransaction,
    TimeOutTransaction,
)

ROUTES = (
    CommandRoute(
        AcceptTransaction,
        "/transactions",
        right=agency(Relation.BUS_MEMBER),
        summary="Ask another organisation for a service; logged before anything is forwarded.",
        creates="transaction_id",
    ),
    *routes_below(
        "/transactions/{transaction_id}",
        system(),
        {
            "forwardings": (ForwardTransaction, "Record an attempt to hand the request to the target."),
            "delivery-failures": (FailDelivery, "Give up: the request could not be brought to the target."),
            "timeouts": (TimeOutTransaction, "End a transaction whose time to answer has passed."),
        },
    ),
    *routes_below(
        "/transactions/{transaction_id}",
        agency(Relation.TARGET),
        {
            "answers": (AnswerTransaction, "Answer a request; the log keeps the digest and the size of the answer."),
            "faults": (FaultTransaction, "Answer that the request could not be served, with a code."),
        },
    ),
)
