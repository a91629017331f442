"""Reactors: whenever an event is recorded, they do what it asks for outside the log too, such as destroying keys.

One of the serving processes leads, the others stand by. Each reaction is safe to repeat, so that after a crash at any
point everything is done in the end and every fact is recorded once. Operators know the reactor as the keeper: the word
of `/health`, of the metrics and of the schema that holds its position.
"""

from infrastructure.reactors.claims_and_receipts import remove_claims_and_receipts
from infrastructure.reactors.erasing import Eraser
from infrastructure.reactors.indexing import Indexer, fill_index
from infrastructure.reactors.reactions import Reactions, joined
from infrastructure.reactors.reactor import Reactor
from infrastructure.reactors.reapply_erasures import reapply_erasures
from infrastructure.reactors.status import deferred_reactions, reactor_progress

__all__ = [
    "Eraser",
    "Indexer",
    "Reactions",
    "Reactor",
    "deferred_reactions",
    "fill_index",
    "joined",
    "reactor_progress",
    "reapply_erasures",
    "remove_claims_and_receipts",
]
