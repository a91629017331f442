"""The log: group commit into PostgreSQL, and readers by position."""

from infrastructure.event_log.log_lookup import MissingEventsError, OtherLogError
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

__all__ = [
    "LogBusyError",
    "LogReader",
    "LogSubscription",
    "LogUnavailableError",
    "MissingEventsError",
    "OtherLogError",
    "PostgresLog",
]
