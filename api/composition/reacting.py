"""The reactors of this process, and the engine that runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from api.web.platform import Platform
from application.reactions.registry import REACTORS
from domain.erasure.model import KeysDestroyed, KeysShredded
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.data_keys import Keys
from infrastructure.reactors.claims_and_receipts import remove_claims_and_receipts
from infrastructure.reactors.engine import ReactorEngine
from infrastructure.reactors.erasing import Eraser
from infrastructure.reactors.indexing import Indexer
from infrastructure.reactors.reaction_calls import CommandSender


def make_engine(
    addresses: Addresses, codec: Codec, keys: Keys, people: BlindIndex, platform: Platform
) -> ReactorEngine:
    """Make the engine. One process leads each reactor; each process clears its own states."""
    eraser = Eraser(
        store=platform.log,
        keys=keys,
        remove=partial(remove_claims_and_receipts, addresses.writer, codec),
        now=platform.now,
    )
    indexer = Indexer(index=people, keys=keys, codec=codec)

    async def forget_states(_recorded: AnyRecorded) -> None:
        # The states on which commands were decided hold their personal texts in clear.
        platform.state_cache.states.clear()

    return ReactorEngine(
        addresses.writer,
        codec,
        (*REACTORS, indexer.reactor, eraser.reactor),
        CommandSender(store=platform.log, rules=platform.rules),
        everywhere={KeysDestroyed: forget_states, KeysShredded: forget_states},
    )


class Runs(Protocol):
    """Runs in a process of the platform until it is asked to stop."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


@asynccontextmanager
async def at_work(*workers: Runs) -> AsyncIterator[None]:
    """Run an engine and the like until the block ends."""
    work = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*work)
