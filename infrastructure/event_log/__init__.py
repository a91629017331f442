"""The log: group commit into PostgreSQL, its twin in memory, and readers by position."""

from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.memory_log import MemoryLog
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

__all__ = ["LogBusyError", "LogReader", "LogUnavailableError", "MemoryLog", "MissingEventsError", "PostgresLog"]
