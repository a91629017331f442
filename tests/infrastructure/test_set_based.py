"""Counts by one SQL statement are the counts of the rules, event by event: at any instant, for any part of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from application.ports import Append
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.rows.counting import tallied_rows
from projections.effects import RowKey
from projections.read_model import Col, Key, ReadModel, RowBase
from projections.registry import PROJECTIONS
from projections.tally import Measure, Tally, Typed
from projections.words import CIVIL_TIME
from tests.infrastructure.emptying import empty_log
from tests.infrastructure.sample_counter import CONTEXT, COUNTERS, DECIDER, CounterClosed, CounterRaised, Event
from tests.infrastructure.test_conformance import CODEC as WHOLE_CODEC
from tests.infrastructure.test_conformance import random_history, send
from tests.lengths import runs_longer, sized
from tests.memory_rows import MemoryRows

CODEC = Codec([DECIDER])
LOG = sql.SQL("log.event")
Connection = psycopg.Connection[Any]
Rows = Mapping[RowKey, Mapping[str, Any]]

# --- Projections ----------------------------------------------------------------------------------------------------

NAMES: Mapping[type, str] = {CounterRaised: "test.counter-raised.v1", CounterClosed: "test.counter-closed.v1"}
EVERY_EVENT = Tally(
    names=NAMES,
    key=(Typed.CIVIL_DAY, Typed.NAME, Typed.ORGANISATION),
    amounts={"events": Measure.EVENTS, "streams": Measure.STREAMS},
)


class DayRow(RowBase):
    day: Key[date]
    name: Key[str]
    organisation_id: Key[str]
    events: Col[int]
    streams: Col[int]


class OwnRow(RowBase):
    organisation_id: Key[str]
    began: Col[int]
    closed: Col[int]


BY_DAY = ReadModel(
    name="by_day",
    version=1,
    row=DayRow,
    rules=dict.fromkeys(NAMES, EVERY_EVENT),
)
OF_ONE_EVENT = ReadModel(
    name="of_one_event",
    version=1,
    row=OwnRow,
    rules={
        CounterClosed: Tally(
            names=NAMES,
            key=(Typed.ORGANISATION,),
            amounts={"closed": Measure.EVENTS, "began": Measure.STREAMS},
        )
    },
)

# --- Instants -------------------------------------------------------------------------------------------------------


def changes_of_the_hour(first_year: int, last_year: int) -> Iterator[datetime]:
    """Find every instant at which civil time jumps, to the minute."""
    start, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=day) for day in range((end - start).days)]
    for today, tomorrow in pairwise(days):
        if offset(today) != offset(tomorrow):
            minutes = (today + timedelta(minutes=minute) for minute in range(24 * 60 + 1))
            yield next(minute for minute in minutes if offset(minute) != offset(today))


def offset(instant: datetime) -> timedelta | None:
    return instant.astimezone(CIVIL_TIME).utcoffset()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CIVIL_TIME).astimezone(UTC)


CHANGES = list(changes_of_the_hour(1990, 2040))
NEAR = st.one_of(
    st.timedeltas(timedelta(minutes=-3), timedelta(minutes=3)),
    st.timedeltas(timedelta(hours=-30), timedelta(hours=30)),
    st.sampled_from([timedelta(microseconds=-1), timedelta(0)]),
)
INSTANTS = st.one_of(
    st.builds(datetime.__add__, st.sampled_from(CHANGES), NEAR),
    st.builds(lambda day, near: midnight(day) + near, st.dates(date(1990, 1, 1), date(2040, 12, 31)), NEAR),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - UTC is given
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from([CounterRaised(amount=1), CounterClosed()]),
        INSTANTS,
        st.sampled_from(["", "gent", "luik"]),
        st.sampled_from(["", "letters", "it's 5 %"]),
    ),
    max_size=40,
)
Act = tuple[str, Event, datetime, str, str]

# --- Both ways ------------------------------------------------------------------------------------------------------


def write(url: str, acts: Sequence[Act]) -> None:
    """Append an event for each act."""
    versions: dict[str, int] = {}
    appends = []
    for counter, event, at, organisation_id, activity in acts:
        stream, version = f"counter-{counter}", versions.get(counter, 0)
        context = replace(CONTEXT, effective_at=at, organisation_id=organisation_id, activity=activity)
        appends.append(Append(stream=stream, events=[event], expected={stream: version}, context=context))
        versions[counter] = version + 1

    async def append() -> None:
        async with PostgresLog(url, CODEC, b"key") as log:
            await log.append(appends)

    asyncio.run(append())


def one_by_one(connection: Connection, codec: Codec, projection: ReadModel, after: int, until: int) -> Rows:
    memory = MemoryRows(projection)
    for recorded in LogReader(codec).read(connection, after=after, until=until):
        memory.apply(recorded)
    return memory.rows


def at_once(connection: Connection, codec: Codec, projection: ReadModel, after: int, until: int) -> Rows:
    columns = [column.name for column in projection.table.columns]
    size = len(projection.table.primary_key.columns)
    query = tallied_rows(projection, codec.names, LOG)
    found = connection.execute(query, (after, until)).fetchall()
    rows = {row[:size]: dict(zip(columns[size:], row[size:], strict=True)) for row in found}
    assert len(rows) == len(found)
    return rows


def added_up(parts: Sequence[Rows]) -> Rows:
    sums: dict[RowKey, dict[str, Any]] = {}
    for part in parts:
        for key, row in part.items():
            known = sums.setdefault(key, dict.fromkeys(row, 0))
            for column, amount in row.items():
                known[column] += amount
    return sums


def head(connection: Connection) -> int:
    return LogReader(CODEC).head(connection)


@pytest.fixture
def connection(module_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        empty_log(connection)
        yield connection


EACH = pytest.mark.parametrize("projection", [BY_DAY, OF_ONE_EVENT], ids=lambda it: it.name)


@given(acts=ACTS, cuts=st.lists(st.integers(0, 40), max_size=4), zone=st.sampled_from(["UTC", "Asia/Kathmandu"]))
@runs_longer
@settings(max_examples=sized(20, long=600), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_at_once_are_rows_one_by_one(
    module_database_url: str, connection: Connection, acts: list[Act], cuts: list[int], zone: str
) -> None:
    empty_log(connection)
    write(module_database_url, acts)
    assert head(connection) == len(acts)
    connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
    ranges = list(pairwise(sorted({0, *(min(cut, len(acts)) for cut in cuts), len(acts)})))
    for projection in (BY_DAY, OF_ONE_EVENT):
        expected = one_by_one(connection, CODEC, projection, 0, len(acts))
        assert at_once(connection, CODEC, projection, 0, len(acts)) == expected
        parts = [at_once(connection, CODEC, projection, after, until) for after, until in ranges]
        assert parts == [one_by_one(connection, CODEC, projection, after, until) for after, until in ranges]
        assert added_up(parts) == expected


@EACH
def test_days_are_civil_ones_at_every_change_of_the_hour(
    module_database_url: str, connection: Connection, projection: ReadModel
) -> None:
    steps = [timedelta(microseconds=-1), timedelta(0), timedelta(hours=1), timedelta(hours=21), timedelta(hours=22)]
    steps += [timedelta(hours=-hours) for hours in (1, 2, 3)] + [timedelta(hours=22, microseconds=-1)]
    days = sorted({change.date() + timedelta(days=day) for change in CHANGES for day in (-1, 0, 1, 2)})
    instants = [change + step for change in CHANGES for step in steps]
    instants += [midnight(day) + step for day in days for step in (timedelta(microseconds=-1), timedelta(0))]
    write(module_database_url, [("a", CounterRaised(amount=1), at, "gent", "") for at in instants])
    assert len(CHANGES) == 2 * 51
    assert at_once(connection, CODEC, projection, 0, len(instants)) == one_by_one(
        connection, CODEC, projection, 0, len(instants)
    )


@EACH
def test_nothing_gives_no_rows(connection: Connection, projection: ReadModel) -> None:
    assert at_once(connection, CODEC, projection, 0, 0) == {}


def test_every_tallied_read_model_is_the_same_on_the_history_of_the_platform(
    module_database_url: str, connection: Connection
) -> None:
    asyncio.run(send(module_database_url, random_history(Random(4))))
    last = head(connection)
    for projection in [projection for projection in PROJECTIONS if projection.tallied]:
        expected = one_by_one(connection, WHOLE_CODEC, projection, 0, last)
        assert at_once(connection, WHOLE_CODEC, projection, 0, last) == expected
        assert len(expected) > 100


# --- Definitions ----------------------------------------------------------------------------------------------------


def test_a_rule_that_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError, match="the rules of test_counters are not one tally"):
        tallied_rows(COUNTERS, CODEC.names, LOG)


def test_names_that_are_not_those_of_the_log_are_refused() -> None:
    wrong = replace(EVERY_EVENT, names={**NAMES, CounterClosed: "test.closed.v1"})
    projection = replace(BY_DAY, rules=dict.fromkeys(NAMES, wrong))
    with pytest.raises(ValueError, match=r"no events are stored as \['test.closed.v1'\]"):
        tallied_rows(projection, CODEC.names, LOG)


def test_one_rule_for_all_events_is_a_plain_aggregation(connection: Connection) -> None:
    query = tallied_rows(BY_DAY, CODEC.names, LOG).as_string(connection)
    assert query == (
        'SELECT (effective_at AT TIME ZONE \'Europe/Brussels\')::date AS "day", "name" AS "name", '
        '"organisation_id" AS "organisation_id", count(*) AS "events", '
        'count(*) FILTER (WHERE version = 1) AS "streams" FROM log.event '
        "WHERE name = ANY ('{test.counter-closed.v1,test.counter-raised.v1}'::text[]) "
        "AND position > %s AND position <= %s GROUP BY 1, 2, 3"
    )
