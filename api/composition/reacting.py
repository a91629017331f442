"""The reactor of this process: the reactions to events that it carries out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from api.web.platform import Platform
from domain.erasure.model import KeysDestroyed, KeysShredded
from domain.kernel import Recorded
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.data_keys import Keys
from infrastructure.reactors.claims_and_receipts import remove_claims_and_receipts
from infrastructure.reactors.erasing import Eraser
from infrastructure.reactors.indexing import Indexer
from infrastructure.reactors.reactions import Reactions, joined
from infrastructure.reactors.reactor import Reactor

PLATFORM = "platform"
"""The organisation for which the platform itself acts."""


def make_reactor(addresses: Addresses, codec: Codec, keys: Keys, people: BlindIndex, platform: Platform) -> Reactor:
    """Make the reactor. One process carries out erasures and fills the index; each process clears its own states."""
    eraser = Eraser(
        store=platform.log,
        rules=platform.rules,
        keys=keys,
        remove=partial(remove_claims_and_receipts, addresses.writer, codec),
        now=platform.now,
        by=PLATFORM,
    )

    async def forget_states(_recorded: Recorded[Any]) -> None:
        # The states on which commands were decided hold their personal texts in clear.
        platform.state_cache.states.clear()

    everywhere: Reactions = dict.fromkeys((KeysDestroyed, KeysShredded), (forget_states,))
    # The index comes first: its rows are gone before it is recorded that the keys are shredded.
    duties = joined(Indexer(index=people, keys=keys, codec=codec).reactions, eraser.reactions)
    return Reactor(addresses.writer, codec, duties, everywhere=everywhere)


@asynccontextmanager
async def at_work(reactor: Reactor) -> AsyncIterator[None]:
    """Run a reactor until the block ends."""
    work = asyncio.create_task(reactor.run())
    try:
        yield
    finally:
        reactor.stop()
        await work
