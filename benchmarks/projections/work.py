"""What is folded: cases of five events each, counted by day and kept as one row for each case.

The definitions are found by name, as the processes that fill tables look them up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from application.ports import Append, Receipt
from domain.kernel import Context, Decider, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.definitions import definitions as made_of
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, change, put
from projections.tally import Measure, Tally, Typed

REFERENCE = "benchmarks.projections.work:definitions"
EVENTS_OF_A_CASE = 5
DAYS = 1_000
FIRST_DAY = datetime(2023, 1, 1, 12, tzinfo=UTC)
TEXT = "x" * 160
"""Beside the other fields this makes an event of about 300 bytes."""

AT_ONCE = 1_000
"""So many cases are under way together: their events lie between each other in the log."""

CONTEXT = Context(
    acting_id=str(uuid4()), organisation_id=str(uuid4()), activity="benchmark", effective_at=datetime.now(UTC)
)

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """Somebody asked for something."""

    case_id: str
    office_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMoved:
    """Another office took it up."""

    case_id: str
    office_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed:
    """It was decided."""

    case_id: str
    outcome: str
    text: str


CaseEvent = CaseOpened | CaseMoved | CaseClosed


def _evolve(state: None, _event: CaseEvent) -> None:
    return state


DECIDER: Decider[Any, None, CaseEvent] = Decider(
    category="case",
    key=(),
    initial=None,
    rules={},
    evolve=_evolve,
    events={
        "benchmark.case-opened.v1": CaseOpened,
        "benchmark.case-moved.v1": CaseMoved,
        "benchmark.case-closed.v1": CaseClosed,
    },
)
NAMES = {event: name for name, event in DECIDER.events.items()}

# --- Read models ----------------------------------------------------------------------------------------------------


class CountRow(RowBase):
    day: Key[date]
    event: Key[str]
    events: Col[int]


_TALLY = Tally(names=NAMES, key=(Typed.CIVIL_DAY, Typed.NAME), amounts={"events": Measure.EVENTS})

COUNTS = ReadModel(
    name="case_counts",
    version=1,
    row=CountRow,
    rules=dict.fromkeys(NAMES, _TALLY),
)


class CaseRow(RowBase):
    case_id: Key[str]
    office_id: Col[str]
    state: Col[str]
    opened_at: Col[datetime]
    changed_at: Col[datetime]
    outcome: Col[str]


def _opened(recorded: Recorded[CaseOpened]) -> Effects[CaseRow]:
    event, at = recorded.event, recorded.context.effective_at
    yield put(
        CaseRow(case_id=event.case_id, office_id=event.office_id, state="open", opened_at=at, changed_at=at, outcome="")
    )


def _moved(recorded: Recorded[CaseMoved]) -> Effects[CaseRow]:
    event = recorded.event
    yield change(
        CaseRow,
        CaseRow.case_id.to(event.case_id),
        CaseRow.office_id.to(event.office_id),
        CaseRow.state.to("moved"),
        CaseRow.changed_at.to(recorded.context.effective_at),
    )


def _closed(recorded: Recorded[CaseClosed]) -> Effects[CaseRow]:
    event = recorded.event
    yield change(
        CaseRow,
        CaseRow.case_id.to(event.case_id),
        CaseRow.state.to("closed"),
        CaseRow.outcome.to(event.outcome),
        CaseRow.changed_at.to(recorded.context.effective_at),
    )


ROWS = ReadModel(
    name="cases",
    version=1,
    row=CaseRow,
    rules={CaseOpened: _opened, CaseMoved: _moved, CaseClosed: _closed},
)


def definitions() -> Definitions:
    return made_of(REFERENCE, [DECIDER], [COUNTS, ROWS])


# --- The log --------------------------------------------------------------------------------------------------------


def write(url: str, cases: int) -> int:
    """Write the events of so many cases, through the log; return how many events that are."""

    async def run() -> None:
        async with PostgresLog(url, Codec([DECIDER]), b"key") as log:
            for batch in _appends(cases):
                outcomes = await log.append(batch)
                assert all(isinstance(outcome, Receipt) for outcome in outcomes)

    asyncio.run(run())
    return cases * EVENTS_OF_A_CASE


def _appends(cases: int) -> Iterator[Sequence[Append]]:
    """Yield what is appended at once: the next event of each of the cases that are under way."""
    random = Random(20)  # noqa: S311 - invented, the same every time
    offices = [_id(random) for _ in range(100)]
    for start in range(0, cases, AT_ONCE):
        ids = [_id(random) for _ in range(start, min(start + AT_ONCE, cases))]
        for step in range(EVENTS_OF_A_CASE):
            yield [
                _append(case_id, step, _event(case_id, step, random.choice(offices)), (start + number) % DAYS)
                for number, case_id in enumerate(ids)
            ]


def _id(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _event(case_id: str, step: int, office_id: str) -> CaseEvent:
    if step == 0:
        return CaseOpened(case_id=case_id, office_id=office_id, text=TEXT)
    if step < EVENTS_OF_A_CASE - 1:
        return CaseMoved(case_id=case_id, office_id=office_id, text=TEXT)
    return CaseClosed(case_id=case_id, outcome="granted", text=TEXT)


def _append(case_id: str, step: int, event: CaseEvent, day: int) -> Append:
    stream = DECIDER.stream(case_id)
    context = replace(CONTEXT, effective_at=FIRST_DAY + timedelta(days=day + step, seconds=day))
    return Append(stream=stream, events=[event], expected={stream: step}, context=context)
