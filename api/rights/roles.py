"""Sets of roles, and the one check of a caller's role."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from api.web.errors import Problem
from application.ports import Caller, Role

EVERYBODY = frozenset(Role)
"""All callers with a valid token."""

OVERSEERS = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
"""Operators and auditors of the platform. In GraphQL they may ask for the schema, and ad hoc."""


class RightsError(Exception):
    """A table of rights does not fit the platform: a door or type has no row, or a row has no door or type."""


def must_have_role(caller: Caller, roles: AbstractSet[Role]) -> None:
    """Refuse a caller with another role than these, as `role-not-allowed`."""
    if caller.role not in roles:
        raise Problem(403, "role-not-allowed", f"The role {caller.role} may not do this.")


def must_fit(what: str, there: AbstractSet[str], in_table: AbstractSet[str]) -> None:
    """Raise RightsError unless each thing has a row, and each row is of a thing."""
    if missing := sorted(there - in_table):
        raise RightsError(f"{what} without a row in the table of rights: {', '.join(missing)}")
    if idle := sorted(in_table - there):
        raise RightsError(f"rows in the table of rights that are of no {what}: {', '.join(idle)}")
