"""Runs projections: live behind the log, and in rebuilds beside the rows in use."""

from infrastructure.event_log.log_lookup import OtherLogError
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rebuild.build import BusyError, Result
from infrastructure.projector.rows.definitions import Definitions, UnknownProjectionError, definitions, platform
from infrastructure.projector.rows.memory import MemoryRows
from infrastructure.projector.rows.row_security import secure_read_models

__all__ = [
    "BusyError",
    "Definitions",
    "MemoryRows",
    "OtherLogError",
    "Projector",
    "Result",
    "UnknownProjectionError",
    "Worker",
    "definitions",
    "platform",
    "secure_read_models",
]
