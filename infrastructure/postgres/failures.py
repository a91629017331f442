"""Failures of a database, and how an error becomes a sentence that holds no value of anybody's data."""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec
import psycopg

from domain.kernel import Refusal


class DatabaseUnusableError(Exception):
    """The database cannot be used as it is; the message says why and what to do, and holds no secret."""


class DatabaseUnreachableError(DatabaseUnusableError):
    """The database does not answer, or is no primary: it may be failing over, and be there a moment later."""


class LogUnavailableError(RuntimeError):
    """The database does not answer. Ask again with the same idempotency key to learn whether an append was written."""


class WriterOutdatedError(LogUnavailableError):
    """The database was migrated by a release that writes the log in another way: this one may not write it any more."""

    def __init__(self) -> None:
        super().__init__("a newer release of Kroniek has migrated the database: stop this one and start that one")


class LogBusyError(RuntimeError):
    """Too many calls wait already: nothing was written, come back after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many calls wait; come back after {retry_after_s} s")


class ValueFreeError(Exception):
    """An error whose message is a sentence without any value: it may be logged, stored and shown."""


NO_USE_IN_WAITING = ("password authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")
"""What a server says that answers, and will not let this login in however long it waits."""


def may_come_back(error: BaseException) -> bool:
    """Whether the database may be there a moment later: it does not answer, starts, or is no primary yet."""
    if not isinstance(
        error, DatabaseUnreachableError | psycopg.OperationalError | psycopg.errors.ReadOnlySqlTransaction
    ):
        return False
    return not any(sentence in str(error) for sentence in NO_USE_IN_WAITING)


def summary(error: BaseException) -> str:
    """Say what failed, and where, without any value: an error's own message may repeat somebody's personal data."""
    kind = type(error).__name__
    match error:
        case ValueFreeError():
            return str(error)
        case Refusal():
            return error.code
        case psycopg.Error() if error.diag.sqlstate:
            return f"{kind} ({error.diag.sqlstate}) {error.diag.table_name or error.diag.column_name or ''}".strip()
        case msgspec.DecodeError():
            _, at, path = str(error).rpartition(" - at ")  # the text before it may repeat the value
            return f"{kind}{at and f' at {path}'}"
    return f"{kind}{_place(error)}"


def _place(error: BaseException) -> str:
    """Return the module and line that raised the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).stem}:{frames[-1].lineno}" if frames else ""
