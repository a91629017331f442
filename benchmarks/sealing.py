"""What it costs to seal: full commands whose text is personal, beside the same commands whose text is not.

`python -m benchmarks.sealing [--quick] [--json]` starts a PostgreSQL of its own with fsync and synchronous_commit on;
the keys are in a second database on it. Both sides send the same letters, 16 in flight, as tasks of one event loop,
through `handle` into `PostgresLog`: each reads the stream of its person, decides, and appends one event with a text of
240 characters. `ratios` has `command_sealed_vs_unsealed`: for people who are known, in a process that has seen none of
them yet, so that each one's key is read once. Of people who are new, each one's key is made with their first letter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from application.handler import Order, Rules, handle
from application.memory import Recent
from application.ports import Append, Sealed
from benchmarks.log.appends import CONTEXT
from benchmarks.log.commands import COUNTERS as PEOPLE_AT_ONCE
from benchmarks.log.commands import HISTORY, TEXT, counters_for, in_turn
from benchmarks.log.work import drive, run_async
from benchmarks.measuring import Bar, Measured, Report, interleaved, show
from benchmarks.server import Server, durable_settings, own_server
from domain.kernel import Command, Decider, PersonalText, PurposeGroup, personal
from infrastructure.codec import Codec
from infrastructure.event_log import PostgresLog
from infrastructure.keys import MemoryKeys, Owner
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keyring import Keyring
from infrastructure.sealing import EventPlace, open_all, seal

IN_FLIGHT = 16
COMMANDS, QUICK_COMMANDS = 12_000, 4_000
ROUNDS, QUICK_ROUNDS = 7, 5
TEXTS = 20_000
BARS = {"command_sealed_vs_unsealed": Bar(0.85)}
UNSEALED, SEALED, NEW = (f"commands a second, {kind}" for kind in ("unsealed", "sealed", "sealed, of new people"))


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
class KeepLetter(Command):
    """Keep a letter."""

    person_id: str
    subject: str


def _decider(letter: Any) -> Decider[Any, int, Any]:  # noqa: ANN401 - either class of letters
    def decide(command: KeepLetter, kept: int) -> Sequence[object]:
        return [letter(person_id=command.person_id, subject=command.subject)] if kept >= 0 else []

    return Decider(
        category="letters",
        initial=0,
        decide=decide,
        evolve=lambda kept, _: kept + 1,
        commands={KeepLetter: lambda command: command.person_id},
        events={"benchmark.letter-kept.v1": letter},
    )


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letters:
    """Sends letters of one class, as a platform does that was started with these people known, or with nobody."""

    server: Server
    letter: Any
    known: bool = True

    def send(self, total: int) -> float:
        """Return commands a second."""
        people = counters_for(total + IN_FLIGHT)
        return run_async(self._send(people, iter(in_turn(people)), total))

    async def _send(self, people: Sequence[UUID], turns: Iterator[UUID], total: int) -> float:
        decider = _decider(self.letter)
        rules = Rules(deciders={KeepLetter: decider}, readers={})
        if self.known:
            async with AsyncExitStack() as stack:
                log = await self._log(stack, decider)
                for start in range(0, len(people), PEOPLE_AT_ONCE):
                    of_some = people[start : start + PEOPLE_AT_ONCE]
                    await log.append([self._history(decider, person_id) for person_id in of_some])
        async with AsyncExitStack() as stack:
            log = await self._log(stack, decider)
            recent = Recent()

            async def work() -> None:
                await handle(_order(next(turns)), log, rules, recent)

            await drive(work, IN_FLIGHT, IN_FLIGHT)
            return total / await drive(work, total, IN_FLIGHT)

    async def _log(self, stack: AsyncExitStack, decider: Decider[Any, int, Any]) -> PostgresLog:
        keyring = Keyring(self.server.keys_url, FileProvider(self.server.folder / "keys"))
        keys = await stack.enter_async_context(keyring)
        return await stack.enter_async_context(PostgresLog(self.server.url, Codec([decider]), b"key", keys=keys))

    def _history(self, decider: Decider[Any, int, Any], person_id: UUID) -> Append:
        stream = decider.stream(str(person_id))
        events = [self.letter(person_id=str(person_id), subject=TEXT)] * HISTORY
        return Append(stream=stream, events=events, expected={stream: 0}, context=CONTEXT)


def _order(person_id: UUID) -> Order:
    at, by = CONTEXT.effective_at, CONTEXT.organisation_id
    return Order(command=KeepLetter(at=at, by=by, person_id=str(person_id), subject=TEXT), context=CONTEXT)


# --- Texts ----------------------------------------------------------------------------------------------------------


def texts_sealed_and_opened(total: int) -> dict[str, Measured]:
    """Return how long it takes to seal one text and to open one, in microseconds, with the key at hand."""
    keys = MemoryKeys()
    event = LetterKept(person_id="person", subject=PersonalText(TEXT))
    place = EventPlace("letters-person", 1, "benchmark.letter-kept.v1")

    async def run() -> tuple[float, float]:
        known = await keys.for_sealing([Owner("person", PurposeGroup.CORRESPONDENCE)])
        started = time.perf_counter()
        sealed = [seal(event, place, known).subject for _ in range(total)]
        between = time.perf_counter()
        await open_all([Sealed(text, place.stream, place.name, "subject") for text in sealed], keys)
        return between - started, time.perf_counter() - between

    taken = [run_async(run()) for _ in range(QUICK_ROUNDS)]
    each = [[1e6 * it / total for it in times] for times in zip(*taken, strict=True)]
    return {"us to seal a text": Measured(each[0]), "us to open a text": Measured(each[1])}


# --- The whole of it ------------------------------------------------------------------------------------------------


def measure(*, quick: bool) -> Report:
    total, rounds = (QUICK_COMMANDS, QUICK_ROUNDS) if quick else (COMMANDS, ROUNDS)
    with own_server() as server:
        settings = durable_settings(server.url)
        contenders = {
            UNSEALED: partial(Letters(server, OpenLetterKept).send, total),
            SEALED: partial(Letters(server, LetterKept).send, total),
            NEW: partial(Letters(server, LetterKept, known=False).send, total),
            f"{NEW}, unsealed": partial(Letters(server, OpenLetterKept, known=False).send, total),
        }
        measured = interleaved(contenders, rounds)
    ratios = {
        "command_sealed_vs_unsealed": measured[SEALED].median / measured[UNSEALED].median,
        "new_person_sealed_vs_unsealed": measured[NEW].median / measured[f"{NEW}, unsealed"].median,
    }
    report = Report(measured, ratios, BARS, {**settings, "in flight": str(IN_FLIGHT), "commands": str(total)})
    return report.with_more(texts_sealed_and_opened(TEXTS), {})


if __name__ == "__main__":
    show(measure(quick="--quick" in sys.argv), as_json="--json" in sys.argv)
