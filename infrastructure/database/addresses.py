"""The roles and addresses with which processes connect to the database. Their rights: migrations/0004_roles.sql.

The keys of data subjects are in a database of their own, which the last role owns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.postgres.failures import DatabaseUnusableError

URL_SETTING = "KRONIEK_DATABASE_URL"
KEYS_URL_SETTING = "KRONIEK_KEYS_URL"


class DatabaseRole(StrEnum):
    """A task in the database. Each but the first is a role of that name in PostgreSQL.

    The last one owns the database of the keys, and may not even connect to the other one.
    """

    OWNER = "owner"
    WRITER = "kroniek_writer"
    PROJECTOR = "kroniek_projector"
    READER = "kroniek_reader"
    AUDITOR = "kroniek_auditor"
    KEYS = "kroniek_keys"

    @property
    def setting(self) -> str:
        """The setting that gives this role an address of its own."""
        named = {DatabaseRole.OWNER: URL_SETTING, DatabaseRole.KEYS: KEYS_URL_SETTING}
        return named.get(self, f"{URL_SETTING}_{self.removeprefix('kroniek_').upper()}")


GROUPS: tuple[DatabaseRole, ...] = tuple(
    role for role in DatabaseRole if role not in {DatabaseRole.OWNER, DatabaseRole.KEYS}
)
"""The roles of the database of the log, in which its owner takes part."""

LOGINS: tuple[DatabaseRole, ...] = (*GROUPS, DatabaseRole.KEYS)


class _AddressOf:
    """The address for one role, as an attribute; raises DatabaseUnusableError where this process was not given it."""

    def __init__(self, role: DatabaseRole) -> None:
        self._role = role

    def __get__(self, addresses: Addresses, _class: type[Addresses]) -> str:
        if self._role not in addresses.known:
            raise DatabaseUnusableError(f"This needs an address of the database that is not set: {self._role.setting}.")
        return addresses.known[self._role]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The address of the database for each role that this process was given. They hold passwords."""

    known: Mapping[DatabaseRole, str] = field(repr=False)

    @classmethod
    def at(cls, url: str, keys: str | None = None) -> Self:
        """Return the addresses of one login, which is the owner and takes the role of each task when it connects.

        `keys` is the address of the database of the keys.
        """
        own = {} if keys is None else {DatabaseRole.KEYS: keys}
        return cls({DatabaseRole.OWNER: url} | {role: acting_as(url, role) for role in GROUPS} | own)

    owner = _AddressOf(DatabaseRole.OWNER)
    writer = _AddressOf(DatabaseRole.WRITER)
    projector = _AddressOf(DatabaseRole.PROJECTOR)
    reader = _AddressOf(DatabaseRole.READER)
    auditor = _AddressOf(DatabaseRole.AUDITOR)
    keys = _AddressOf(DatabaseRole.KEYS)

    def of_log(self) -> Mapping[DatabaseRole, str]:
        """Return the known addresses of the database of the log."""
        return {role: url for role, url in self.known.items() if role is not DatabaseRole.KEYS}


def acting_as(url: str, role: DatabaseRole) -> str:
    """Return the address with which a login, a member of the role, works with the rights of that role alone."""
    options = conninfo_to_dict(url).get("options") or ""
    return make_conninfo(url, options=f"{options} -c role={role}".strip())
