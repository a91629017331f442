"""Commands of erasure: a person's data is erased, or a legal hold keeps part of it."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import Relation, administrator, agency
from domain.erasure.model import LiftLegalHold, OrderErasure, PlaceLegalHold, RequestErasure, WithdrawErasure

_PERSON = "/persons/{person_id}"

ROUTES = (
    CommandRoute(
        RequestErasure,
        f"{_PERSON}/erasures",
        right=agency(Relation.PLACE_OF_SESSION),
        summary="Pass on that a person wants their data erased, in a session of theirs; they can withdraw for days.",
    ),
    CommandRoute(
        WithdrawErasure,
        f"{_PERSON}/erasure-withdrawals",
        right=agency(Relation.PLACE_OF_SESSION),
        summary="Pass on that a person withdraws the erasure that they asked for, before it falls due.",
    ),
    CommandRoute(
        OrderErasure,
        f"{_PERSON}/erasure-orders",
        right=administrator(),
        summary="Have a person's data erased, on their letter or on the order of a court or a supervisory authority.",
    ),
    CommandRoute(
        PlaceLegalHold,
        f"{_PERSON}/legal-holds",
        right=administrator(),
        summary="Keep the data of one purpose from being erased until a day.",
        creates="hold_id",
    ),
    CommandRoute(
        LiftLegalHold,
        f"{_PERSON}/legal-holds/{{hold_id}}/liftings",
        right=administrator(),
        summary="Lift a legal hold before its last day.",
    ),
)
