"""The keeper: whenever something is in the log, it does what is due, outside the log too. First of all: to forget.

One of the processes that serve leads; the others stand by. What is due for an event is a list of duties (`Duties`).
Each is safe to repeat, so that after a crash at any point everything is done in the end, and every fact recorded once.
"""

from infrastructure.reactors.claims_and_receipts import Traces
from infrastructure.reactors.erasing import Eraser, erasing
from infrastructure.reactors.indexing import Indexer, fill, indexing
from infrastructure.reactors.reactions import Duties, Duty, joined
from infrastructure.reactors.reactor import Keeper, Pace
from infrastructure.reactors.reapply_erasures import erase_again
from infrastructure.reactors.status import keeper_progress, keeper_waiting

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
