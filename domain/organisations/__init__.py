"""Organisations, the roles they are enrolled in, their recognition as identity providers, their services."""

from __future__ import annotations

from typing import Any

from domain.kernel import Decider
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import SERVICE
from domain.organisations.service_family import SERVICE_FAMILY

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (ORGANISATION, SERVICE, SERVICE_FAMILY)
