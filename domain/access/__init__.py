"""Looks at personal data: the record of each, and the suppression of what a person is told of them."""

from __future__ import annotations

from typing import Any

from domain.access.record import (
    ACCESS,
    Access,
    AccessRecorded,
    Category,
    Look,
    Outcome,
    RecordAccess,
)
from domain.access.suppression import (
    SUPPRESSION,
    AccessesSuppressed,
    LiftSuppression,
    Parties,
    SuppressAccesses,
    Suppression,
    SuppressionLifted,
)
from domain.kernel import Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (ACCESS, SUPPRESSION)

__all__ = [
    "ACCESS",
    "DECIDERS",
    "SUPPRESSION",
    "Access",
    "AccessRecorded",
    "AccessesSuppressed",
    "Category",
    "LiftSuppression",
    "Look",
    "Outcome",
    "Parties",
    "RecordAccess",
    "SuppressAccesses",
    "Suppression",
    "SuppressionLifted",
]
