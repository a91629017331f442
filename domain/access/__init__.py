"""Looks at personal data: the record of each, and the suppression of what a person is told of them."""

from __future__ import annotations

from typing import Any

from domain.access.record import (
    ACCESS,
    Access,
    AccessOutcome,
    AccessRecorded,
    Category,
    Look,
    RecordAccess,
)
from domain.access.suppression import (
    SUPPRESSION,
    AccessesSuppressed,
    LiftSuppression,
    SuppressAccesses,
    Suppression,
    SuppressionLifted,
    SuppressionParties,
)
from domain.kernel import Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (ACCESS, SUPPRESSION)

__all__ = [
    "ACCESS",
    "DECIDERS",
    "SUPPRESSION",
    "Access",
    "AccessOutcome",
    "AccessRecorded",
    "AccessesSuppressed",
    "Category",
    "LiftSuppression",
    "Look",
    "RecordAccess",
    "SuppressAccesses",
    "Suppression",
    "SuppressionLifted",
    "SuppressionParties",
]
