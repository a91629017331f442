"""The keeper: whenever something is in the log, it does what is due, outside the log too. First of all: to forget.

One of the processes that serve leads; the others stand by. What is due for an event is a list of duties (`Duties`).
Each is safe to repeat, so that after a crash at any point everything is done in the end, and every fact recorded once.
"""

from infrastructure.keeper.again import erase_again
from infrastructure.keeper.duties import Duties, Duty, joined
from infrastructure.keeper.erasing import Eraser, erasing
from infrastructure.keeper.indexing import Indexer, fill, indexing
from infrastructure.keeper.keeper import Keeper, Pace
from infrastructure.keeper.seen import keeper_progress, keeper_waiting
from infrastructure.keeper.traces import Traces

__all__ = [
    "Duties",
    "Duty",
    "Eraser",
    "Indexer",
    "Keeper",
    "Pace",
    "Traces",
    "erase_again",
    "erasing",
    "fill",
    "indexing",
    "joined",
    "keeper_progress",
    "keeper_waiting",
]
