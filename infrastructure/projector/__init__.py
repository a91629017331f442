"""Runs projections: live behind the log, and made anew beside the rows that are in use."""

from infrastructure.projector.build import BusyError, Result
from infrastructure.projector.definitions import Definitions, UnknownProjectionError, definitions, platform
from infrastructure.projector.live import OtherLogError, Projector
from infrastructure.projector.memory import MemoryRows
from infrastructure.projector.rebuild import rebuild
from infrastructure.projector.row_security import secure_read_models
from infrastructure.projector.worker import Worker

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
    "rebuild",
    "secure_read_models",
]
