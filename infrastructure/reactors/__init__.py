"""Reactors: whenever an event is recorded, they do what it asks for outside the log too, such as destroying keys.

One of the serving processes leads, the others stand by. Each reaction is safe to repeat, so that after a crash at any
point everything is done in the end and every fact is recorded once. Operators know the reactor as the keeper: the word
of `/health`, of the metrics and of the schema that holds its position.
"""

from infrastructure.reactors.claims_and_receipts import ClaimsAndReceipts
from infrastructure.reactors.erasing import Eraser, erasing
from infrastructure.reactors.indexing import Indexer, fill_index, indexing
from infrastructure.reactors.reactions import Reaction, Reactions, joined
from infrastructure.reactors.reactor import Reactor, RetryPolicy
from infrastructure.reactors.reactor_store import ReactorStore
from infrastructure.reactors.reapply_erasures import reapply_erasures
from infrastructure.reactors.status import deferred_reactions, reactor_progress

__all__ = [
    "ClaimsAndReceipts",
    "Eraser",
    "Indexer",
    "Reaction",
    "Reactions",
    "Reactor",
    "ReactorStore",
    "RetryPolicy",
    "deferred_reactions",
    "erasing",
    "fill_index",
    "indexing",
    "joined",
    "reactor_progress",
    "reapply_erasures",
]
