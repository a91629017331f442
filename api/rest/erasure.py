"""Doors of erasure: a person is forgotten, or something of theirs is kept because the law says so."""

from __future__ import annotations

from api.rest.doors import Door
from domain.erasure import LiftLegalHold, OrderErasure, PlaceLegalHold, RequestErasure

_PERSON = "/persons/{person_id}"

DOORS = (
    Door(
        intent="request-erasure",
        path=f"{_PERSON}/erasures",
        command=RequestErasure,
        activity="erasure",
        summary="Pass on that a person wants their data erased, in a session of theirs at your organisation.",
    ),
    Door(
        intent="order-erasure",
        path=f"{_PERSON}/erasure-orders",
        command=OrderErasure,
        activity="erasure",
        summary="Have a person's data erased, on their letter or on the order of a court or a supervisory authority.",
    ),
    Door(
        intent="place-legal-hold",
        path=f"{_PERSON}/legal-holds",
        command=PlaceLegalHold,
        activity="erasure",
        summary="Keep the data of one purpose from being erased until a day.",
        creates="hold_id",
    ),
    Door(
        intent="lift-legal-hold",
        path=f"{_PERSON}/legal-holds/{{hold_id}}/liftings",
        command=LiftLegalHold,
        activity="erasure",
        summary="Lift a legal hold before its last day.",
    ),
)
