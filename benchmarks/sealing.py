"""What it costs to seal: full commands whose text is personal, beside the same commands whose text is not.

`python -m benchmarks.sealing [--quick] [--json]` starts a PostgreSQL of its own with fsync and synchronous_commit on;
the keys are in a second database on it. Both sides send the same letters, 16 in flight, as tasks of one event loop,
through `handle` into `PostgresLog`: each reads the stream of its person, decides, and appends one event with a text of
240 characters. The process has the keys of these people at hand, as it has for most of those whose turn comes again;
`keys_read_vs_unsealed` is for people whose keys it has to read first, each one's once in three commands, as after a
start, and `keys_made_vs_unsealed` for people who are new, each of whom gets a key with their first letter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from application.gathering import Rules
from application.handler import CommandEnvelope, handle
from application.ports import Append, Sealed
from application.unit_of_work import StateCache
from benchmarks.log.appends import CONTEXT
from benchmarks.log.commands import COUNTERS as PEOPLE_AT_ONCE
from benchmarks.log.commands import HISTORY, TEXT, counters_for, in_turn
from benchmarks.log.work import drive, run_async
from benchmarks.measuring import Bar, Measured, Report, interleaved, show
from benchmarks.server import Server, durable_settings, own_server
from domain.kernel import CommandBase, Decider, PersonalText, PurposeGroup, personal
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keyring import Keyring
from infrastructure.sealing import EventPlace, open_all, seal
from tests.memory_keys import MemoryKeys

IN_FLIGHT = 16
COMMANDS, QUICK_COMMANDS = 12_000, 4_000
ROUNDS, QUICK_ROUNDS = 7, 5
TEXTS = 20_000
BARS = {"command_sealed_vs_unsealed": Bar(0.85)}
UNSEALED, SEALED, READ, MADE, NEW = (
    f"commands a second, {kind}"
    for kind in ("unsealed", "sealed", "sealed, keys read", "sealed, keys made", "unsealed, of new people")
)


# --- Letters --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKept:
    """A letter whose subject is personal."""

    person_id: str
    subject: PersonalText = personal("person_id", PurposeGroup.CORRESPONDENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLetterKept:
    """The same letter, whose subject is nobody's."""

    person_id: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepLetter(CommandBase):
    """Keep a letter."""

    ACTIVITY: ClassVar[str] = "benchmark"
    person_id: str
    subject: str


def _decider(letter: Any) -> Decider[Any, int, Any]:  # noqa: ANN401 - either class of letters
    def decide(command: KeepLetter, kept: int) -> Sequence[object]:
        return [letter(person_id=command.person_id, subject=command.subject)] if kept >= 0 else []

    return Decider(
        category="letters",
        key=("person_id",),
        initial=0,
        rules={KeepLetter: decide},
        evolve=lambda kept, _: kept + 1,
        checked=False,
        events={"benchmark.letter-kept.v1": letter},
    )


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letters:
    """Sends letters of one class to people whose streams and keys are there, or who are new.

    With `at_hand`, the process has their keys at hand already; of their streams it knows nothing.
    """

    server: Server
    letter: Any
    known: bool = True
    at_hand: bool = False

    def send(self, total: int) -> float:
        """Return commands a second."""
        people = counters_for(total + IN_FLIGHT)
        return run_async(self._send(people, iter(in_turn(people)), total))

    async def _send(self, people: Sequence[UUID], turns: Iterator[UUID], total: int) -> float:
        decider = _decider(self.letter)
        rules = Rules(deciders={KeepLetter: decider}, readers={})
        if self.known:
            async with AsyncExitStack() as stack:
                _, log = await self._open(stack, decider)
                for start in range(0, len(people), PEOPLE_AT_ONCE):
                    of_some = people[start : start + PEOPLE_AT_ONCE]
                    await log.append([self._history(decider, person_id) for person_id in of_some])
        async with AsyncExitStack() as stack:
            keys, log = await self._open(stack, decider)
            cache = StateCache()
            if self.at_hand:
                owners = [KeyOwner(str(person_id), PurposeGroup.CORRESPONDENCE) for person_id in people]
                await keys.for_sealing(owners)

            async def work() -> None:
                await handle(_envelope(next(turns)), log, rules, cache)

            await drive(work, IN_FLIGHT, IN_FLIGHT)
            return total / await drive(work, total, IN_FLIGHT)

    async def _open(self, stack: AsyncExitStack, decider: Decider[Any, int, Any]) -> tuple[Keyring, PostgresLog]:
        keyring = Keyring(self.server.keys_url, FileProvider(self.server.folder / "keys"))
        keys = await stack.enter_async_context(keyring)
        log = PostgresLog(self.server.url, Codec([decider]), b"key", keys=keys)
        return keys, await stack.enter_async_context(log)

    def _history(self, decider: Decider[Any, int, Any], person_id: UUID) -> Append:
        stream = decider.stream(str(person_id))
        events = [self.letter(person_id=str(person_id), subject=TEXT)] * HISTORY
        return Append(stream=stream, events=events, expected={stream: 0}, context=CONTEXT)


def _envelope(person_id: UUID) -> CommandEnvelope:
    at, by = CONTEXT.effective_at, CONTEXT.organisation_id
    return CommandEnvelope(command=KeepLetter(at=at, by=by, person_id=str(person_id), subject=TEXT), context=CONTEXT)


# --- Texts ----------------------------------------------------------------------------------------------------------


def texts_sealed_and_opened(total: int) -> dict[str, Measured]:
    """Return how long it takes to seal one text and to open one, in microseconds, with the key at hand."""
    keys = MemoryKeys()
    event = LetterKept(person_id="person", subject=PersonalText(TEXT))
    place = EventPlace("letters-person", 1, "benchmark.letter-kept.v1")

    async def run() -> tuple[float, float]:
        known = await keys.for_sealing([KeyOwner("person", PurposeGroup.CORRESPONDENCE)])
        started = time.perf_counter()
        sealed = [seal(event, place, known).subject for _ in range(total)]
        between = time.perf_counter()
        await open_all([Sealed(text, place.stream, place.name, "subject") for text in sealed], keys)
        return between - started, time.perf_counter() - between

    taken = [run_async(run()) for _ in range(QUICK_ROUNDS)]
    each = [[1e6 * it / total for it in times] for times in zip(*taken, strict=True)]
    return {"us to seal a text": Measured(each[0]), "us to open a text": Measured(each[1])}


# --- The whole of it ------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> None:
    total, rounds = (QUICK_COMMANDS, QUICK_ROUNDS) if "--quick" in arguments else (COMMANDS, ROUNDS)
    show(measure(total, rounds), as_json="--json" in arguments)


def measure(total: int, rounds: int) -> Report:
    """Let all sides send so many commands, in turn, so many times."""
    with own_server() as server:
        settings = durable_settings(server.url)
        contenders = {
            UNSEALED: partial(Letters(server, OpenLetterKept).send, total),
            SEALED: partial(Letters(server, LetterKept, at_hand=True).send, total),
            READ: partial(Letters(server, LetterKept).send, total),
            MADE: partial(Letters(server, LetterKept, known=False).send, total),
            NEW: partial(Letters(server, OpenLetterKept, known=False).send, total),
        }
        measured = interleaved(contenders, rounds)
    ratios = {
        "command_sealed_vs_unsealed": measured[SEALED].median / measured[UNSEALED].median,
        "keys_read_vs_unsealed": measured[READ].median / measured[UNSEALED].median,
        "keys_made_vs_unsealed": measured[MADE].median / measured[NEW].median,
    }
    report = Report(measured, ratios, BARS, {**settings, "in flight": str(IN_FLIGHT), "commands": str(total)})
    return report.with_more(texts_sealed_and_opened(TEXTS), {})


if __name__ == "__main__":
    main(sys.argv[1:])
