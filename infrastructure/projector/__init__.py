"""Runs projections: live behind the log, and rebuilt beside the rows that are in use."""

from infrastructure.projector.live import Projector
from infrastructure.projector.memory import MemoryRows
from infrastructure.projector.rebuild import rebuild

__all__ = ["MemoryRows", "Projector", "rebuild"]
