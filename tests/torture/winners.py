"""Many writers in several processes on one stream, all with the same expected version: who wins?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from application.ports import Append, Conflict, Receipt
from infrastructure.database.addresses import DatabaseRole, acting_as
from infrastructure.event_log.postgres_log import PostgresLog
from tests.torture.events import CODEC, CONTEXT, Noted
from tests.torture.fleet import PROCESSES

STREAM = "torture-race"
END_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Race:
    """How often each version was won, and how many tries were refused."""

    wins: Counter[int]
    refused: int

    def fair(self, versions: int) -> bool:
        """Whether each version was won exactly once."""
        return self.wins == Counter(range(1, versions + 1))


def race(url: str, versions: int, processes: int = 4, writers_each: int = 16) -> Race:
    """Let every writer try to write every version once, in order; return who won what."""
    wins: Counter[int] = Counter()
    refused = 0
    started = [_start(url, range(n * writers_each, (n + 1) * writers_each), versions) for n in range(processes)]
    for process, result in started:
        assert result.poll(END_TIMEOUT_S), "a racing process has not ended"
        won, fell = result.recv()
        wins.update(won)
        refused += fell
        process.join()
    return Race(wins, refused)


def _start(url: str, writers: range, versions: int) -> tuple[ForkServerProcess, Connection]:
    hears, says = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=run, args=(acting_as(url, DatabaseRole.WRITER), writers, versions, says))
    process.start()
    says.close()
    return process, hears


def run(url: str, writers: range, versions: int, says: Connection) -> None:
    """Race with some writers in this process, and say which versions they won and how often they were refused."""
    says.send(asyncio.run(_run(url, writers, versions)))


async def _run(url: str, writers: range, versions: int) -> tuple[Sequence[int], int]:
    async with PostgresLog(url, CODEC, b"torture") as log:
        won = await asyncio.gather(*(_compete(log, writer, versions) for writer in writers))
    wins = [version for versions_won in won for version in versions_won]
    return wins, len(writers) * versions - len(wins)


async def _compete(log: PostgresLog, writer: int, versions: int) -> Sequence[int]:
    """Try each version once. Who was refused knows that the stream is at least one further, so none is left out."""
    won = []
    for version in range(versions):
        event = Noted(lane=writer, serial=version + 1, part=1, of=1)
        wish = Append(stream=STREAM, events=[event], expected={STREAM: version}, context=CONTEXT)
        (outcome,) = await log.append([wish])
        if isinstance(outcome, Receipt):
            assert outcome.version == version + 1
            won.append(outcome.version)
        else:
            assert outcome == Conflict(STREAM)
    return won
