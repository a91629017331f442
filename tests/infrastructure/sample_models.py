"""Read models of the sample counter in all the states that a projector meets: sound, slow, failing, of two versions.

They are found by reference, so that other processes can work with them too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Any

import psycopg
from psycopg import sql

from application.ports import Append, Receipt
from domain import operation
from domain.kernel import Context, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.build import Result
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.definitions import definitions as define
from projections import projection_acts
from projections.effects import Add, AnyEffect, AnyRule, Effects, Put, RowKey, Set, by_event
from projections.progress import BuildState
from projections.read_model import SCHEMA, Col, Key, ReadModel, RowBase, add, put
from projections.tally import Measure, Tally, Typed
from tests.infrastructure.sample_counter import (
    AT,
    CONTEXT,
    COUNTER_SUMS,
    COUNTERS,
    DECIDER,
    CounterClosed,
    CounterRaised,
    CounterRow,
    Event,
    SumRow,
)
from tests.memory_rows import MemoryRows

CODEC = Codec((DECIDER, operation.OPERATION))
ACTS = projection_acts.READ_MODEL
BUILT_SUFFIXES = ("_build", "_build_sums", "_swap")

Connection = psycopg.Connection[Any]
Rows = Mapping[RowKey, Mapping[str, Any]]

# --- Sound ----------------------------------------------------------------------------------------------------------

NAMES = {event: name for name, event in DECIDER.events.items()}


class DayRow(RowBase):
    day: Key[date]
    name: Key[str]
    events: Col[int]
    streams: Col[int]


_EVERY_EVENT = Tally(
    names=NAMES,
    key=(Typed.CIVIL_DAY, Typed.NAME),
    amounts={"events": Measure.EVENTS, "streams": Measure.STREAMS},
)
COUNTER_DAYS = ReadModel(name="test_days", version=1, row=DayRow, rules=dict.fromkeys(NAMES, _EVERY_EVENT))
SOUND = (COUNTERS, COUNTER_SUMS, COUNTER_DAYS, ACTS)


def _defined(name: str, *projections: ReadModel) -> Definitions:
    return define(f"{__name__}:{name}", (DECIDER, operation.OPERATION), projections)


def sound() -> Definitions:
    """Rows of streams, sums, counts that are data, and the acts on all of them."""
    return _defined("sound", *SOUND)


# --- Slow -----------------------------------------------------------------------------------------------------------

SLOW_S = 0.002


def _slowly(rule: AnyRule) -> AnyRule:
    @by_event("it waits")
    def slow(recorded: Recorded[Any]) -> Iterable[AnyEffect]:
        time.sleep(SLOW_S)
        return rule(recorded)

    return slow


def _with_rules(projection: ReadModel, change: Callable[[AnyRule], AnyRule]) -> ReadModel:
    rules = {event: change(rule) for event, rule in projection.rules.items()}
    return replace(projection, rules=rules)


def slow() -> Definitions:
    """The same rows, a few hundred events a second."""
    return _defined("slow", _with_rules(COUNTERS, _slowly), _with_rules(COUNTER_SUMS, _slowly), COUNTER_DAYS, ACTS)


# --- Of two colours -------------------------------------------------------------------------------------------------

BLUE = 1_000_000


def _blue_row(recorded: Recorded[Any]) -> Effects[CounterRow]:
    yield put(CounterRow(counter_id=recorded.aggregate_id, last_amount=BLUE, status="blue"))


def _blue_sum(recorded: Recorded[Any]) -> Effects[SumRow]:
    yield add(SumRow, SumRow.amount.to(recorded.event.amount), SumRow.events.to(BLUE), SumRow.total.to(BLUE))


def blue() -> Definitions:
    """Other rows in the same tables: whoever reads both kinds at once has seen a mix."""
    rows = replace(COUNTERS, rules={CounterRaised: _blue_row})
    sums = replace(COUNTER_SUMS, rules={CounterRaised: _blue_sum})
    return _defined("blue", rows, sums, COUNTER_DAYS, ACTS)


# --- Failing --------------------------------------------------------------------------------------------------------

SECRET = "SECRET-4711"
TOO_MUCH = 2**70


def _row(**values: Any) -> dict[str, Any]:
    return {"last_amount": 1, "status": "odd", **values}


MISFITS: Mapping[str, Callable[[str], AnyEffect]] = {
    "zero-character": lambda key: Set((key,), {"status": f"\0{SECRET}"}),
    "out-of-range": lambda key: Set((key,), {"last_amount": TOO_MUCH}),
    "empty": lambda key: Put((key,), _row(status=None)),
    "no-such-column": lambda key: Set((key,), {"nowhere": SECRET}),
    "of-no-row": lambda _key: Set(("nobody",), {"status": f"\0{SECRET}"}),
    "column-left-out": lambda key: Put((key,), {"status": SECRET}),
    "column-too-many": lambda key: Put((key,), _row(nowhere=1)),
    "yes-as-a-number": lambda key: Put((key,), _row(last_amount=True)),
    "long-key": lambda key: Put((key, SECRET), _row()),
}
"""By the label of an event, an effect that does not fit the table of rows."""

MISFIT_SUMS: Mapping[str, AnyEffect] = {
    "out-of-range-sum": Add((1,), {"total": TOO_MUCH}),
    "no-key-sum": Add((None,), {"total": 1}),
    "text-sum": Add((1,), {"total": SECRET}),  # type: ignore[dict-item]
}
"""By the label of an event, an effect that does not fit the table of sums."""

RAISES = "raises"
RAISES_SUM = "raises-sum"


@by_event("it fails for some labels")
def _row_that_may_fail(recorded: Recorded[Any]) -> Iterable[AnyEffect]:
    label = recorded.event.label if isinstance(recorded.event, CounterRaised) else ""
    yield from COUNTERS.rules[type(recorded.event)](recorded)
    if label == RAISES:
        raise ValueError(SECRET)
    if label in MISFITS:
        yield MISFITS[label](recorded.aggregate_id)


@by_event("it fails for some labels")
def _sum_that_may_fail(recorded: Recorded[Any]) -> Iterable[AnyEffect]:
    yield from COUNTER_SUMS.rules[CounterRaised](recorded)
    if recorded.event.label == RAISES_SUM:
        raise LookupError(SECRET)
    if recorded.event.label in MISFIT_SUMS:
        yield MISFIT_SUMS[recorded.event.label]


def failing() -> Definitions:
    """Rules that fail for some labels, or give effects that no table can take."""
    rows = replace(COUNTERS, rules=dict.fromkeys(COUNTERS.rules, _row_that_may_fail))
    sums = replace(COUNTER_SUMS, rules={CounterRaised: _sum_that_may_fail})
    return _defined("failing", rows, sums, COUNTER_DAYS, ACTS)


# --- Labels ---------------------------------------------------------------------------------------------------------


class LabelRow(RowBase):
    label: Key[str]
    total: Col[int]


def _labelled(recorded: Recorded[CounterRaised]) -> Effects[LabelRow]:
    yield add(LabelRow, LabelRow.label.to(recorded.event.label), LabelRow.total.to(recorded.event.amount))


LABELS = ReadModel(name="test_labels", version=1, row=LabelRow, rules={CounterRaised: _labelled})


def labelled() -> Definitions:
    """Sums by label, beside rows of streams: an index may not take a label, nor a sum an amount."""
    return _defined("labelled", LABELS, COUNTERS, ACTS)


# --- Of the next version --------------------------------------------------------------------------------------------


class TimesRow(RowBase):
    amount: Key[int]
    times: Col[int]


def _times(recorded: Recorded[Any]) -> Effects[TimesRow]:
    yield add(TimesRow, TimesRow.amount.to(recorded.event.amount), TimesRow.times.to(1))


def second_version() -> Definitions:
    """What the next release has: the sums in another table."""
    sums = ReadModel(name=COUNTER_SUMS.name, version=2, row=TimesRow, rules={CounterRaised: _times})
    return _defined("second_version", COUNTERS, sums, COUNTER_DAYS, ACTS)


# --- Writing --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class History:
    """Writes events, and knows where each stream stands."""

    url: str
    random: Random = field(default_factory=lambda: Random(7))
    versions: dict[str, int] = field(default_factory=dict)
    codec: Codec = CODEC

    def write(self, *told: tuple[str, Event]) -> None:
        """Append events, each a counter's, in this order."""
        self.append([self._wish(f"counter-{name}", event, CONTEXT) for name, event in told])

    def more(self, events: int, streams: int = 40, closing: float = 0.05) -> None:
        """Append so many events to random streams, old and new."""
        told: list[tuple[str, Event]] = []
        for _ in range(events):
            name, amount = f"c{self.random.randrange(streams)}", self.random.randrange(1, 6)
            closes = self.random.random() < closing
            told.append((name, CounterClosed() if closes else CounterRaised(amount=amount)))
        self.write(*told)

    def act(self, command: type[Any], projection: str, **about: Any) -> None:
        """Record an act of an administrator on a projection."""
        if command in (operation.RetryParkedEvents, operation.SkipParkedEvent):
            about["parked"] = True
        wish = command(at=AT, by="platform", projection=projection, why="a test needs it", **about)
        (event,) = operation.OPERATION.decide(wish, operation.Operation(paused=command is operation.ResumeProjection))
        context = Context(acting_id="official-7", organisation_id="platform", effective_at=AT)
        self.append([self._wish(f"projection-{projection}", event, context)])

    def append(self, wishes: Sequence[Append]) -> None:
        asyncio.run(self._append(wishes))

    def _wish(self, stream: str, event: Any, context: Context) -> Append:
        version = self.versions.get(stream, 0)
        self.versions[stream] = version + 1
        return Append(stream=stream, events=[event], expected={stream: version}, context=context)

    async def _append(self, wishes: Sequence[Append]) -> None:
        async with PostgresLog(self.url, self.codec, b"key") as log:
            for outcome in await log.append(wishes):
                assert isinstance(outcome, Receipt), outcome


# --- Following ------------------------------------------------------------------------------------------------------


def follow(connection: Connection, definitions: Definitions | None = None) -> Projector:
    """Bring all rows to the head, from nothing if there are none yet."""
    projector = Projector(connection, definitions or sound())
    projector.acquire()
    projector.prepare(projector.without_rows())
    projector.catch_up()
    return projector


def made(results: Sequence[Result]) -> None:
    """Check that rows were made anew, and were those in use."""
    for result in results:
        assert (result.state, result.equal) == (BuildState.DONE, True), result.outcome


def taken(connection: Connection, kind: int, name: str, version: int) -> bool:
    return connection.execute("SELECT read.is_taken(%s, %s, %s)", (kind, name, version)).fetchone() == (True,)


# --- Comparing ------------------------------------------------------------------------------------------------------


def rows(connection: Connection, projection: ReadModel, suffix: str = "") -> Rows:
    """Read a table: the columns outside the key by the key."""
    columns = [column.name for column in projection.table.columns]
    keys = sum(column.primary_key for column in projection.table.columns)
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(SCHEMA, projection.table.name + suffix)
    )
    return {row[:keys]: dict(zip(columns[keys:], row[keys:], strict=True)) for row in connection.execute(query)}


def all_rows(connection: Connection, projections: Iterable[ReadModel], suffix: str = "") -> dict[str, Rows]:
    return {it.name: rows(connection, it, suffix) for it in projections}


def in_memory(
    connection: Connection,
    projections: Iterable[ReadModel],
    until: int | None = None,
    without: Callable[[ReadModel, Recorded[Any]], bool] = lambda _projection, _recorded: False,
) -> dict[str, Rows]:
    """Fold the log in memory, up to a position, leaving out what is said to be `without` effect."""
    models = [(it, MemoryRows(it)) for it in projections]
    reader = LogReader(CODEC)
    for recorded in reader.read(connection, after=0, until=reader.head(connection) if until is None else until):
        for projection, model in models:
            if not without(projection, recorded):
                model.apply(recorded)
    return {projection.name: model.rows for projection, model in models}


def tables(connection: Connection) -> set[str]:
    """Return the names of all tables of read models."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'read'").fetchall()
    return {name for (name,) in found} - {"checkpoint", "previous", "build", "parked", "skipped"}


def leftovers(connection: Connection) -> set[str]:
    """Return the tables that only a build that is under way should have."""
    return {name for name in tables(connection) if name.endswith(BUILT_SUFFIXES)}
