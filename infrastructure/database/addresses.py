"""As whom the processes of the platform meet the database, and where. What each role may: migrations/0004_roles.sql."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, quote, urlencode

from infrastructure.database.errors import DatabaseUnusable

URL_SETTING = "KRONIEK_DATABASE_URL"


class DatabaseRole(StrEnum):
    """A task at the database. Each but the first is a role of that name in PostgreSQL."""

    OWNER = "owner"
    WRITER = "kroniek_writer"
    PROJECTOR = "kroniek_projector"
    READER = "kroniek_reader"
    AUDITOR = "kroniek_auditor"

    @property
    def setting(self) -> str:
        """The setting that gives this role an address of its own."""
        return URL_SETTING if self is DatabaseRole.OWNER else f"{URL_SETTING}_{self.removeprefix('kroniek_').upper()}"


GROUPS: tuple[DatabaseRole, ...] = tuple(role for role in DatabaseRole if role is not DatabaseRole.OWNER)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The address of the database for each role that this process was given. They hold passwords."""

    known: Mapping[DatabaseRole, str] = field(repr=False)

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the addresses of one login, which is the owner and takes the role of each task when it connects."""
        return cls({DatabaseRole.OWNER: url} | {role: acting_as(url, role) for role in GROUPS})

    @property
    def owner(self) -> str:
        return self._of(DatabaseRole.OWNER)

    @property
    def writer(self) -> str:
        return self._of(DatabaseRole.WRITER)

    @property
    def projector(self) -> str:
        return self._of(DatabaseRole.PROJECTOR)

    @property
    def reader(self) -> str:
        return self._of(DatabaseRole.READER)

    @property
    def auditor(self) -> str:
        return self._of(DatabaseRole.AUDITOR)

    def _of(self, role: DatabaseRole) -> str:
        if role not in self.known:
            raise DatabaseUnusable(f"This needs an address of the database that is not set: {role.setting}.")
        return self.known[role]


def acting_as(url: str, role: DatabaseRole) -> str:
    """Return the address with which a login, a member of the role, works with the rights of that role alone."""
    address, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    options["options"] = f"{options.get('options', '')} -c role={role}".strip()
    # libpq does not read `+` as a space.
    return f"{address}?{urlencode(options, quote_via=quote)}"
