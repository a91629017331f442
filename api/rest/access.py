"""Doors of access: what a person is not told for the time of an investigation."""

from __future__ import annotations

from api.rest.doors import Door
from domain.access import LiftSuppression, SuppressAccesses

DOORS = (
    Door(
        intent="suppress-accesses",
        path="/access-suppressions",
        command=SuppressAccesses,
        activity="oversight",
        summary="Order that a person is not told of the looks of one organisation at them, until a day.",
        creates="suppression_id",
    ),
    Door(
        intent="lift-suppression",
        path="/access-suppressions/{suppression_id}/liftings",
        command=LiftSuppression,
        activity="oversight",
        summary="End a suppression before its time.",
    ),
)
