"""The log: group commit into PostgreSQL, its twin in memory, and readers by position."""

from infrastructure.event_log.finding import MissingEventsError
from infrastructure.event_log.memory import MemoryLog
from infrastructure.event_log.postgres import PostgresLog
from infrastructure.event_log.reading import LogReader
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

__all__ = ["LogBusyError", "LogReader", "LogUnavailableError", "MemoryLog", "MissingEventsError", "PostgresLog"]
