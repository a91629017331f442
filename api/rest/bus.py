"""Doors of the bus: the source asks, the platform forwards, the target answers."""

from __future__ import annotations

from api.rest.doors import Door
from domain.bus import (
    AcceptTransaction,
    AnswerTransaction,
    FailDelivery,
    FaultTransaction,
    ForwardTransaction,
    TimeOutTransaction,
)

_TRANSACTION = "/transactions/{transaction_id}"

DOORS = (
    Door(
        intent="accept-transaction",
        path="/transactions",
        command=AcceptTransaction,
        activity="service-bus-exchange",
        summary="Ask another organisation for a service; logged before anything is forwarded.",
        creates="transaction_id",
    ),
    Door(
        intent="forward-transaction",
        path=f"{_TRANSACTION}/forwardings",
        command=ForwardTransaction,
        activity="service-bus-exchange",
        summary="Record an attempt to hand the request to the target.",
    ),
    Door(
        intent="answer-transaction",
        path=f"{_TRANSACTION}/answers",
        command=AnswerTransaction,
        activity="service-bus-exchange",
        summary="Answer a request; the log keeps the digest and the size of the answer.",
    ),
    Door(
        intent="fault-transaction",
        path=f"{_TRANSACTION}/faults",
        command=FaultTransaction,
        activity="service-bus-exchange",
        summary="Answer that the request could not be served, with a code.",
    ),
    Door(
        intent="fail-delivery",
        path=f"{_TRANSACTION}/delivery-failures",
        command=FailDelivery,
        activity="service-bus-exchange",
        summary="Give up: the request could not be brought to the target.",
    ),
    Door(
        intent="time-out-transaction",
        path=f"{_TRANSACTION}/timeouts",
        command=TimeOutTransaction,
        activity="service-bus-exchange",
        summary="End a transaction whose time to answer has passed.",
    ),
)
