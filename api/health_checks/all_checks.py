"""The list of all health checks, in the order in which `/health` and docs/operation.md name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never, TypeAlias

from api.health_checks.check import HealthCheck
from api.health_checks.database_checks import CLOCKS, DATABASE, KEK, KEYS, LOG_END, SHREDDING, STANDBYS, WRITING
from api.health_checks.deadline_checks import DEADLINES
from api.health_checks.reactor_checks import REACTORS
from api.health_checks.read_model_checks import READ_MODELS

AnyCheck: TypeAlias = HealthCheck[Never]

CHECKS: Sequence[AnyCheck] = (
    DATABASE,
    WRITING,
    LOG_END,
    READ_MODELS,
    REACTORS,
    DEADLINES,
    KEYS,
    SHREDDING,
    KEK,
    CLOCKS,
    STANDBYS,
)
