"""Commands of access: for an investigation, accesses are not shown to the person whose data they were to."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import auditor
from domain.access.suppression import LiftSuppression, SuppressAccesses

ROUTES = (
    CommandRoute(
        SuppressAccesses,
        "/access-suppressions",
        right=auditor(),
        summary="Order that a person is not told of the looks of one organisation at them, until a day.",
        creates="suppression_id",
    ),
    CommandRoute(
        LiftSuppression,
        "/access-suppressions/{suppression_id}/liftings",
        right=auditor(),
        summary="End a suppression before its time.",
    ),
)
