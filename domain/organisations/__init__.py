"""Organisations, the roles they are enrolled in, their recognition as identity providers, their services."""

from __future__ import annotations

from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.service import SERVICE
from domain.organisations.service_family import SERVICE_FAMILY

DECIDERS = (ORGANISATION, SERVICE, SERVICE_FAMILY)
