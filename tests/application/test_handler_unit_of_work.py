"""A caller who sends much lends the handler a memory: it spares reading, and changes no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from application.handler import handle, handle_many
from application.ports import Append, Outcome, Receipt, StreamEvents
from application.unit_of_work import UnitOfWork
from domain.kernel import RuleBroken
from infrastructure.codec import Codec
from tests.infrastructure.sample_counter import AT, DECIDER, RULES, CloseCounter, order, raise_counter
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio


class WatchedLog(MemoryLog):
    """Notes what is read; can refuse to write once."""

    def __init__(self) -> None:
        super().__init__(Codec([DECIDER]))
        self.was_read: list[str] = []
        self.unavailable = False

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        self.was_read += streams
        return await super().read(streams)

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        if self.unavailable:
            self.unavailable = False
            raise ConnectionError
        return await super().append(appends)


@pytest.fixture
def log() -> WatchedLog:
    return WatchedLog()


async def test_a_stream_is_read_once(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    limited = raise_counter("a", limit_from="limit")
    await handle_many([order(raise_counter("limit", amount=3)), order(limited)], log, RULES, unit)
    await handle_many([order(limited)], log, RULES, unit)
    assert sorted(log.was_read) == ["counter-a", "counter-limit"]
    assert [row.version for row in log.rows if row.stream == "counter-a"] == [1, 2]


async def test_what_others_wrote_meanwhile_is_seen(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    await handle_many([order(raise_counter("a"))], log, RULES, unit)
    await handle(order(raise_counter("a")), log, RULES)
    (answer,) = await handle_many([order(raise_counter("a"))], log, RULES, unit)
    assert isinstance(answer, Receipt)
    assert answer.version == 3


async def test_a_refusal_never_rests_on_what_is_remembered(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    limited = order(raise_counter("a", limit_from="limit"))
    (refused,) = await handle_many([limited], log, RULES, unit)
    assert isinstance(refused, RuleBroken)
    await handle(order(raise_counter("limit", amount=3)), log, RULES)
    (answer,) = await handle_many([limited], log, RULES, unit)
    assert isinstance(answer, Receipt)


async def test_a_refused_command_is_not_accepted_on_what_later_commands_of_the_list_did(log: WatchedLog) -> None:
    limited, limit = order(raise_counter("a", limit_from="limit")), order(raise_counter("limit", amount=3))
    answers = await handle_many([order(raise_counter("b")), limited, limit], log, RULES, UnitOfWork(log))
    assert [type(answer) for answer in answers] == [Receipt, RuleBroken, Receipt]
    assert [row.stream for row in log.rows] == ["counter-b", "counter-limit"]


async def test_a_repeated_wish_is_answered_with_the_right_position(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    close = order(CloseCounter(at=AT, by="organisation", counter_id="a"))
    await handle_many([order(raise_counter("b")), order(raise_counter("a")), close], log, RULES, unit)
    (again,) = await handle_many([close], log, RULES, unit)
    assert isinstance(again, Receipt)
    assert (again.version, again.position, again.events) == (2, 3, ())


async def test_what_could_not_be_written_is_forgotten(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    await handle_many([order(raise_counter("a"))], log, RULES, unit)
    log.unavailable = True
    with pytest.raises(ConnectionError):
        await handle_many([order(raise_counter("a"))], log, RULES, unit)
    (answer,) = await handle_many([order(raise_counter("a"))], log, RULES, unit)
    assert isinstance(answer, Receipt)
    assert answer.version == 2


async def test_facts_that_an_earlier_command_of_the_list_changed_are_asked_for_again(log: WatchedLog) -> None:
    unit = UnitOfWork(log)
    await handle_many([order(raise_counter("limit")), order(raise_counter("a", limit_from="limit"))], log, RULES, unit)
    limited = order(raise_counter("a", limit_from="limit"))
    answers = await handle_many([order(raise_counter("limit")), limited, limited], log, RULES, unit)
    assert [type(answer) for answer in answers] == [Receipt, Receipt, RuleBroken]


async def test_streams_not_used_for_long_are_forgotten(log: WatchedLog) -> None:
    unit = UnitOfWork(log, max_streams=2)
    await handle_many([order(raise_counter("kept")), order(raise_counter("gone"))], log, RULES, unit)
    for name in ("b", "c", "d", "e"):
        await handle_many([order(raise_counter(name)), order(raise_counter("kept"))], log, RULES, unit)
    log.was_read.clear()
    await handle_many([order(raise_counter("kept")), order(raise_counter("gone"))], log, RULES, unit)
    assert log.was_read == ["counter-gone"]
    assert [row.version for row in log.rows if row.stream == "counter-kept"] == [1, 2, 3, 4, 5, 6]
