"""Persons, their keys, the sessions opened with them, and the mandates under which they act for others."""

from __future__ import annotations

from domain.identity.key import KEY
from domain.identity.mandate.rules import MANDATE
from domain.identity.person import PERSON
from domain.identity.session import SESSION

DECIDERS = (PERSON, KEY, SESSION, MANDATE)
