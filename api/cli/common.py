"""What commands share: settings, a database that is up to date, and its errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from api.cli.output import CommandError, Exit
from infrastructure.database import Addresses, DatabaseRole, DatabaseUnusableError, make_ready, open_database
from infrastructure.logs import configure_logs
from infrastructure.settings import Settings, SettingsError, load_settings


def settings_of(**given: Any) -> Settings:  # noqa: ANN401 - checked by the settings
    """Load the settings, overruled by options that were given, and set up the log."""
    try:
        settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        raise CommandError(Exit.WRONG_SETTINGS, str(error)) from error
    configure_logs(settings)
    return settings


@contextmanager
def database(settings: Settings) -> Iterator[Addresses]:
    """Yield the addresses of the database, ready to be used.

    Its schema is up to date, nothing in its settings loses events, and its read models have the row-level security of
    this release.
    """
    with database_errors_as_sentences(), open_database(settings) as addresses:
        make_ready(addresses)
        if DatabaseRole.PROJECTOR in addresses.known:
            from infrastructure.projector import secure_read_models

            secure_read_models(addresses.projector)
        yield addresses


@contextmanager
def database_errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnusableError, psycopg.OperationalError) as error:
        raise CommandError(Exit.NO_DATABASE, str(error).strip()) from error


def must_be_nameable(subject: str, role: str, organisation: str, *, supplier: str = "", scope: str = "") -> None:
    """Refuse names that the platform would not take from a token."""
    from infrastructure.tokens import TokenRefusedError, subject_of

    claims = {"sub": subject, "role": role, "organisation": organisation, "scope": scope}
    try:
        subject_of(claims | ({"supplier": supplier} if supplier else {}), "role")
    except TokenRefusedError as error:
        raise CommandError(Exit.WRONG_USAGE, f"A token cannot say that: {error}.") from error
