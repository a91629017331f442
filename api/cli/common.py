"""What commands share: settings, a database that is up to date, and its errors as sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import structlog

from api.cli.output import CommandError, Exit, ending_as
from application.token_refusals import TokenRefusedError
from infrastructure.database import make_ready, open_database
from infrastructure.database.addresses import Addresses, DatabaseRole
from infrastructure.logs import configure_logs
from infrastructure.postgres.failures import DatabaseUnusableError, may_come_back
from infrastructure.projector.rows.row_security import secure_read_models
from infrastructure.settings import Settings, SettingsError, load_settings
from infrastructure.tokens.callers import subject_of

LOG = structlog.get_logger()

WAIT_INTERVAL_S = 1.0


def settings_of(**given: object) -> Settings:
    """Load the settings, overruled by options that were given, and set up the log."""
    with ending_as(Exit.WRONG_SETTINGS, SettingsError):
        settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    configure_logs(settings)
    return settings


@contextmanager
def database(settings: Settings) -> Iterator[Addresses]:
    """Yield the addresses of the database, ready to be used.

    Its schema is up to date, nothing in its settings loses events, and its read models have the row-level security of
    this release.
    """
    with opened_database(settings) as addresses:
        make_ready(addresses)
        if DatabaseRole.PROJECTOR in addresses.known:
            secure_read_models(addresses.projector)
        yield addresses


@contextmanager
def awaited_database(settings: Settings, stopped: Callable[[], bool] = lambda: False) -> Iterator[Addresses]:
    """Yield the same, and wait for a database that fails over: at most as long as the settings say, or until stopped.

    For commands that run for long. Nothing waits for a login that the database refuses.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        while True:
            try:
                addresses = stack.enter_context(database(settings))
                break
            except (CommandError, psycopg.Error) as error:
                cause = error.__cause__ if isinstance(error, CommandError) else error
                left_s = settings.database_wait_s - (time.monotonic() - began)
                if cause is None or not may_come_back(cause) or left_s <= 0 or stopped():
                    raise
                LOG.warning("database_awaited", error=str(cause).strip(), no_longer_than_s=round(left_s))
            time.sleep(min(WAIT_INTERVAL_S, left_s))
        yield addresses


@contextmanager
def opened_database(settings: Settings) -> Iterator[Addresses]:
    """Yield the addresses of the database as it is."""
    unusable = (DatabaseUnusableError, psycopg.OperationalError)
    with ending_as(Exit.NO_DATABASE, unusable, lambda error: str(error).strip()), open_database(settings) as addresses:
        yield addresses


def must_be_nameable(subject: str, role: str, organisation: str, *, supplier: str = "", scope: str = "") -> None:
    """Refuse names that the platform would not take from a token."""
    claims = {"sub": subject, "role": role, "organisation": organisation, "scope": scope}
    with ending_as(Exit.WRONG_USAGE, TokenRefusedError, lambda error: f"A token cannot say that: {error}."):
        subject_of(claims | ({"supplier": supplier} if supplier else {}), "role")
