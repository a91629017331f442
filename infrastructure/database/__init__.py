"""The database of a running platform: a PostgreSQL server of our own, or one at an address from the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from infrastructure.database.addresses import Addresses, DatabaseRole, acting_as
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.external import verify, verify_keys, verify_sessions
from infrastructure.database.migrations import check_migrated, migrate, migrate_keys
from infrastructure.event_log.log_end import check_log_end
from infrastructure.postgres.address_forms import for_writing
from infrastructure.settings import Settings

_SEE_THE_END = (DatabaseRole.OWNER, DatabaseRole.WRITER, DatabaseRole.PROJECTOR)
"""The roles that may read the end of the log."""


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[Addresses]:
    """Yield the addresses of a durable database; raise DatabaseUnusableError where there is none.

    The embedded server is started if no process has done so, and stopped at the end if no other process uses it.
    """
    if addresses := _external(settings):
        if DatabaseRole.OWNER in addresses.known:
            verify(addresses.owner)
        yield addresses
        return
    server = EmbeddedPostgres(settings.data_dir)
    server.start()
    try:
        verify(server.addresses.owner)
        yield _with_keys(settings, server.addresses)
    finally:
        server.release()


def make_ready(addresses: Addresses) -> None:
    """Migrate where the owner's address is known, else check that the schema is up to date; then verify every role.

    Raises DatabaseUnusableError where something is missing, commits could be lost, readers could see all rows, or the
    log has lost its end.
    """
    if DatabaseRole.OWNER in addresses.known:
        migrate(addresses.owner)
    verify_sessions(addresses)
    if DatabaseRole.OWNER not in addresses.known and (others := addresses.of_log()):
        check_migrated(next(iter(others.values())))
    if readers := [addresses.known[role] for role in _SEE_THE_END if role in addresses.known]:
        check_log_end(readers[0])
    if DatabaseRole.KEYS in addresses.known:
        verify_keys(addresses.keys)
        migrate_keys(addresses.keys)


def _external(settings: Settings) -> Addresses | None:
    """Return the addresses that are set, or None. The owner's login takes the roles that have none of their own.

    Of several hosts, those who write take the one that is the primary.
    """
    own = {
        DatabaseRole.WRITER: settings.database_url_writer,
        DatabaseRole.PROJECTOR: settings.database_url_projector,
        DatabaseRole.READER: settings.database_url_reader,
    }
    known = {role: acting_as(url.get_secret_value(), role) for role, url in own.items() if url is not None}
    if settings.database_url is not None:
        known = {**Addresses.at(settings.database_url.get_secret_value()).known, **known}
    reading = {DatabaseRole.READER, DatabaseRole.AUDITOR}
    known = {role: url if role in reading else for_writing(url) for role, url in known.items()}
    return _with_keys(settings, Addresses(known)) if known else None


def _with_keys(settings: Settings, addresses: Addresses) -> Addresses:
    """Return them with the address of the database of the keys, where one is set."""
    if settings.keys_url is None:
        return addresses
    return Addresses({**addresses.known, DatabaseRole.KEYS: for_writing(settings.keys_url.get_secret_value())})
