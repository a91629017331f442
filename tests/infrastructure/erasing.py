"""People with data in a log of the test's own, keys in a database of theirs, and an eraser that can be made to crash.

`python -m tests.infrastructure.erasing URL KEYS_URL FOLDER` erases until it is killed. With a step as last argument it
kills itself there, without a warning.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from application.gathering import Rules
from application.handler import CommandEnvelope, handle
from application.ports import Append, Idempotency, Outcome, Receipt, Sealed
from application.reactions import invoice_retention
from application.reactor import Reactor, RetryPolicy
from application.registry import BY_COMMAND, READERS
from domain.contexts import DECIDERS
from domain.erasure.model import ErasureGround, ErasureRequested, KeysDestroyed, KeysShredded, OrderErasure
from domain.erasure.rules import ERASURE
from domain.identity.person import RegisterPersonFromNationalRegister
from domain.kernel import Claim, Command, Context, Jurisdiction, NationalNumber, PurposeGroup
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.data_keys import DataKey, KeyOwner, Keys
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keyring import Keyring
from infrastructure.reactors.claims_and_receipts import remove_claims_and_receipts
from infrastructure.reactors.engine import ReactorEngine
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.erasing import ERASER, Eraser
from infrastructure.reactors.reaction_calls import CommandSender
from infrastructure.reactors.reactor_store import ReactorStore
from infrastructure.sealing import open_all

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CODEC = Codec(DECIDERS)
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
CONTEXT = Context(acting_id="official-7", organisation_id="platform", effective_at=AT)
CLAIM_KEY = b"a key of the test"
LEASE_S = 0.05
RETRY = RetryPolicy(first_s=0.02, max_s=0.1, tries=1_000)
LIMITS = EngineLimits(gather_s=0.0, save_interval_s=0.02)

STEPS = (
    "before destroy",
    "after destroy",
    "before KeysDestroyed",
    "after KeysDestroyed",
    "before remove",
    "after remove",
    "before shred",
    "after shred",
    "before KeysShredded",
    "after KeysShredded",
    "before move",
    "after move",
)
"""All boundaries between the steps of an erasure."""

Reach = Callable[[str], None]


class CrashError(BaseException):
    """Stands for the end of a process: nobody catches it."""


@dataclass(slots=True)
class Crash:
    """Ends everything at a step, once."""

    step: str
    crashed: bool = False

    def __call__(self, step: str) -> None:
        if step == self.step and not self.crashed:
            self.crashed = True
            raise CrashError(step)


def nowhere(_step: str) -> None:
    """Stand for an eraser that does not crash."""


def kill_at(fatal: str) -> Reach:
    """End this process at a step, as `kill -9` does."""

    def reach(step: str) -> None:
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach


# --- The parts of an eraser, with a crash at each boundary -----------------------------------------------------------


@dataclass(slots=True)
class CrashingKeys:
    keys: Keys
    reach: Reach

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        return await self.keys.for_sealing(owners)

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        return await self.keys.for_opening(key_ids)

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        self.reach("before destroy")
        await self.keys.destroy(owners)
        self.reach("after destroy")

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        self.reach("before shred")
        await self.keys.shred(owners)
        self.reach("after shred")


@dataclass(slots=True)
class CrashingLog:
    log: PostgresLog
    reach: Reach
    read: Any = field(init=False)
    read_prefixes: Any = field(init=False)
    receipts: Any = field(init=False)
    holder: Any = field(init=False)
    log_id: Any = field(init=False)

    def __post_init__(self) -> None:
        self.read, self.read_prefixes, self.receipts = self.log.read, self.log.read_prefixes, self.log.receipts
        self.holder, self.log_id = self.log.holder, self.log.log_id

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        name = type(appends[0].events[0]).__name__ if appends[0].events else "nothing"
        self.reach(f"before {name}")
        outcomes = await self.log.append(appends)
        self.reach(f"after {name}")
        return outcomes


class CrashingStore(ReactorStore):
    def __init__(self, reach: Reach, url: str, codec: Codec) -> None:
        super().__init__(url, codec)
        self.reach = reach

    def save(self, name: str, position: int, **further: Any) -> None:
        reach = self.reach if name == ERASER else nowhere
        reach("before move")
        super().save(name, position, **further)
        reach("after move")


# --- A site -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Site:
    """A log and keys, open; `url` is that of the log."""

    url: str
    log: PostgresLog
    keys: Keys

    async def do(self, command: Command, key: str = "") -> Receipt:
        idempotency = Idempotency(organisation_id="platform", key=key, fingerprint=b"") if key else None
        return await handle(CommandEnvelope(command=command, context=CONTEXT, idempotency=idempotency), self.log, RULES)

    async def register(self, person_id: str, number: str) -> None:
        await self.do(
            RegisterPersonFromNationalRegister(
                at=AT,
                by="platform",
                person_id=person_id,
                jurisdiction=Jurisdiction.BE,
                national_number=NationalNumber(number),
            ),
            key=person_id,
        )

    async def order_erasure(self, person_id: str, *groups: PurposeGroup) -> None:
        ground = ErasureGround.OBJECTION
        await self.do(OrderErasure(at=AT, by="platform", person_id=person_id, ground=ground, groups=groups))

    def engine(
        self, reach: Reach = nowhere, reactors: Sequence[Reactor] = (), limits: EngineLimits = LIMITS
    ) -> ReactorEngine:
        """Make an engine of these reactors; without, of the eraser and the one that comes before it."""
        log = CrashingLog(self.log, reach)
        eraser = Eraser(
            store=log, keys=CrashingKeys(self.keys, reach), remove=self._remover(reach), now=lambda: AT
        ).reactor
        retention = invoice_retention.REACTOR
        own = (retention, replace(eraser, retry=RETRY, after=(retention.name,)))
        sender = CommandSender(store=log, rules=RULES)
        store = partial(CrashingStore, reach)
        return ReactorEngine(self.url, CODEC, reactors or own, sender, limits=limits, open_store=store)

    def _remover(self, reach: Reach) -> Callable[[str, Collection[PurposeGroup]], Awaitable[None]]:
        async def remove(person_id: str, groups: Collection[PurposeGroup]) -> None:
            reach("before remove")
            await remove_claims_and_receipts(self.url, CODEC, person_id, groups)
            reach("after remove")

        return remove

    async def events(self, person_id: str) -> Sequence[Any]:
        stream = ERASURE.stream(person_id)
        return (await self.log.read([stream]))[stream].events

    async def erased(self, person_id: str) -> bool:
        return any(isinstance(event, KeysShredded) for event in await self.events(person_id))

    async def must_be_erased_once(self, person_id: str, number: str) -> None:
        """Assert that the keys are gone, that each fact is recorded once, and that no hash of the number is left."""
        kinds = [type(event) for event in await self.events(person_id)]
        assert kinds == [ErasureRequested, KeysDestroyed, KeysShredded]
        assert await self.number_of(person_id) is None
        assert await self.keys.for_sealing([KeyOwner(person_id, PurposeGroup.IDENTIFICATION)]) == {}
        assert await self.log.holder(Claim("national-number", number)) is None
        known = Idempotency(organisation_id="platform", key=person_id, fingerprint=b"")
        assert await self.log.receipts([known]) == {}

    async def number_of(self, person_id: str) -> str | None:
        stream = f"person-{person_id}"
        (registered,) = (await self.log.read([stream]))[stream].events
        sealed = Sealed(registered.number, stream, "identity.person-registered.v1", "number")
        (number,) = await open_all([sealed], self.keys)
        return number

    def waiting(self) -> int:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM reactor.waiting_event").fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def site(url: str, keys_url: str, folder: Path) -> AsyncIterator[Site]:
    async with (
        Keyring(keys_url, FileProvider(folder / "keys"), lease_s=LEASE_S) as keys,
        PostgresLog(url, CODEC, CLAIM_KEY, keys=keys) as log,
    ):
        yield Site(url, log, keys)


@asynccontextmanager
async def running(engine: ReactorEngine) -> AsyncIterator[None]:
    """Run an engine while the block does."""
    work = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        engine.stop()
        await work


# --- As a process ---------------------------------------------------------------------------------------------------


def erase_until_killed(url: str, keys_url: str, folder: str, fatal: str) -> None:
    """Run an eraser that is killed at a step."""

    async def erase() -> None:
        async with site(url, keys_url, Path(folder)) as here:
            await here.engine(kill_at(fatal)).run()

    asyncio.run(erase())
