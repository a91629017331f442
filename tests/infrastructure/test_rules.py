"""Rules are traced, and what is generated of a trace changes rows as the rule itself would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

import pytest

from domain.kernel import Recorded
from infrastructure.projector.rows.definitions import Definitions, definitions, platform
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rules import nodes
from infrastructure.projector.rules.compiled import RuleError, by_event_reason, traces_of
from infrastructure.projector.rules.generating import Dropped
from projections.effects import AnyRule, Effects, by_event
from projections.read_model import Col, Key, ReadModel, RowBase, add, change, drop, put
from projections.registry import PROJECTIONS
from projections.words import unique
from tests.infrastructure import sample_counter
from tests.infrastructure.random_events import log_row, recorded_events
from tests.memory_rows import MemoryRows

EVENTS = 400
COUNTED = (sample_counter.COUNTERS, sample_counter.COUNTER_SUMS)
FOLDED = [read_model for read_model in PROJECTIONS if not read_model.tallied]
Rows = Mapping[Any, Mapping[str, Any]]


def test_every_rule_of_the_platform_is_traced() -> None:
    assert [rule for it in PROJECTIONS for rule in it.rules.values() if by_event_reason(rule)] == []
    for read_model in PROJECTIONS:
        assert traces_of(read_model).keys() == read_model.rules.keys()


# --- A trace and its rule -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("read_model", FOLDED, ids=lambda it: it.name)
def test_a_generated_function_does_what_its_rule_does(read_model: ReadModel, seed: int) -> None:
    assert differing(platform(), read_model, seed) == []


@pytest.mark.parametrize("read_model", COUNTED, ids=lambda it: it.name)
def test_so_it_is_where_rows_are_dropped_and_added_to(read_model: ReadModel) -> None:
    assert differing(sample_counter.counted(), read_model, 0) == []


@pytest.mark.parametrize(
    ("operation", "wrong", "read_model"),
    [
        ("le", "({0} < {1})", "open_rates"),
        ("civil_month", "civil_month({0}, UTC)", "open_rates"),
        ("sub", "({0} + {1})", "mandates"),
        ("not", "{0}", "invoice_counts"),
    ],
)
def test_a_mistake_of_the_compiler_is_found(
    monkeypatch: pytest.MonkeyPatch, operation: str, wrong: str, read_model: str
) -> None:
    monkeypatch.setitem(nodes.OPERATIONS, operation, nodes.OPERATIONS[operation]._replace(python=wrong))
    broken = definitions("with a mistake", [], [it for it in PROJECTIONS if it.name == read_model])
    mutated = replace(broken, codec=platform().codec)
    assert any(differing(mutated, broken.projections[read_model], seed) for seed in range(3))


def differing(these: Definitions, read_model: ReadModel, seed: int) -> list[Any]:
    """Return the keys of rows that are not those of the rules called plainly, of whole streams and a second half."""
    told = recorded_events(Random(seed), list(read_model.rules), EVENTS)
    half, memory = told[EVENTS // 2 :], MemoryRows(read_model)
    for recorded in told[: EVENTS // 2]:
        memory.apply(recorded)
    before = {key: dict(row) for key, row in memory.rows.items()}
    for recorded in half:
        memory.apply(recorded)
    whole = applied({}, run(these, read_model, told, whole_streams=True))
    part = applied(before, run(these, read_model, half, whole_streams=False))
    assert memory.rows, "nothing was compared"
    return [key for found in (whole, part) for key in {*found, *memory.rows} if found.get(key) != memory.rows.get(key)]


def run(these: Definitions, read_model: ReadModel, told: Sequence[Recorded[Any]], *, whole_streams: bool) -> RowStore:
    store = RowStore(these.models[read_model.name], ReadTable(read_model.table).check, whole_streams=whole_streams)
    for recorded in told:
        function = store.functions[type(recorded.event)]
        function(log_row(these, recorded), recorded.event, recorded.aggregate_id, store.rows)
    return store


def applied(before: Rows, store: RowStore) -> Rows:
    """Return rows after the changes that a store holds."""
    rows = {key: dict(row) for key, row in before.items()}
    row = store.model.read_model.row
    keys, others = len(row.__keys__), row.__others__
    if store.additive:
        for key, sums in store.rows.items():
            held = rows.setdefault(store.key_of(key), dict.fromkeys(others, 0))
            held.update({name: held[name] + amount for name, amount in zip(others, sums, strict=True)})
        return rows
    changes = {tuple(it[:keys]): it for it in store.rows} if store.model.appended else store.rows
    for key, made in changes.items():
        of = key if store.model.appended else store.key_of(key)
        if isinstance(made, list):
            rows[of] = dict(zip(others, made[keys:], strict=True))
        elif isinstance(made, Dropped):
            rows.pop(of, None)
        elif of in rows:
            rows[of].update({others[at - keys]: value for at, value in made.items()})
    return rows


# --- What is refused ------------------------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    thing_id: str
    colour: Colour
    size: int
    note: str | None
    price: Decimal
    at: datetime
    parts: tuple[Part, ...]


class ThingRow(RowBase):
    thing_id: Key[str]
    name: Col[str]
    size: Col[int]


Told = Recorded[Painted]
NAMES = {"red": "a red thing"}


def _thing(name: Any, size: Any = 0, thing_id: Any = "x") -> Effects[ThingRow]:
    return (put(ThingRow(thing_id=thing_id, name=name, size=size)),)


def _identity(told: Told) -> Effects[ThingRow]:
    if told.event.colour is Colour.RED:
        yield from _thing("", thing_id=told.aggregate_id)


def _key_of_a_dict(told: Told) -> Effects[ThingRow]:
    return _thing(NAMES.get(told.event.colour, ""), thing_id=told.aggregate_id)


def _formatted(told: Told) -> Effects[ThingRow]:
    return _thing(f"{told.event.thing_id}!", thing_id=told.aggregate_id)


def _joined(told: Told) -> Effects[ThingRow]:
    return _thing(",".join(part.name for part in told.event.parts), thing_id=told.aggregate_id)


def _upper(told: Told) -> Effects[ThingRow]:
    return _thing(told.event.thing_id.upper(), thing_id=told.aggregate_id)


def _counted_in_a_loop(told: Told) -> Effects[ThingRow]:
    count = 0
    for _ in told.event.parts:
        count += 1
    yield from _thing("", count, told.aggregate_id)


def _the_first_only(told: Told) -> Effects[ThingRow]:
    for part in told.event.parts:
        yield from _thing(part.name, thing_id=told.aggregate_id)
        break


def _the_last(told: Told) -> Effects[ThingRow]:
    last: Any = None
    for part in told.event.parts:
        last = part.name
    yield from _thing(last, thing_id=told.aggregate_id)


def _list_of_its_own(told: Told) -> Effects[ThingRow]:
    return _thing([part.name for part in told.event.parts], thing_id=told.aggregate_id)


def _nullable(told: Told) -> Effects[ThingRow]:
    return _thing(told.event.note, thing_id=told.aggregate_id)


def _number_as_text(told: Told) -> Effects[ThingRow]:
    return _thing(told.event.size, thing_id=told.aggregate_id)


def _any_key(_told: Told) -> Effects[ThingRow]:
    return _thing("")


def _added(told: Told) -> Effects[ThingRow]:
    return (add(ThingRow, ThingRow.thing_id.to(told.aggregate_id), ThingRow.size.to(1)),)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (_identity, "say =="),
        (_key_of_a_dict, "as a key"),
        (_formatted, "a text is made of a value"),
        (_joined, "expected str instance"),
        (_upper, "asks str for upper"),
        (_counted_in_a_loop, "carries a value from element to element"),
        (_the_first_only, "left early"),
        (_the_last, "outside of its loop|carries a value"),
        (_list_of_its_own, "a value of type list"),
        (_nullable, "name may be None, and the column may not"),
        (_number_as_text, "name is of another type than the column"),
        (_any_key, "says nothing of the stream"),
        (_added, "only numbers can be added to"),
    ],
)
def test_what_cannot_be_traced_or_does_not_fit_is_refused_by_name(rule: AnyRule, what: str) -> None:
    with pytest.raises(RuleError, match=rf"^the rule of things for Painted: .*({what})"):
        traces_of(things(rule))


def things(rule: AnyRule) -> ReadModel:
    return ReadModel(name="things", version=1, row=ThingRow, rules={Painted: rule})


def test_rows_are_either_set_or_added_to() -> None:
    with pytest.raises(TypeError, match="rows of test_sums are both set and added to"):
        traces_of(
            replace(
                sample_counter.COUNTER_SUMS,
                rules={**sample_counter.COUNTER_SUMS.rules, sample_counter.CounterClosed: _emptied},
            )
        )


def _emptied(told: Recorded[Any]) -> Effects[sample_counter.SumRow]:
    yield drop(sample_counter.SumRow, sample_counter.SumRow.amount.to(told.position))


def test_a_rule_that_says_why_is_called_by_event() -> None:
    marked = by_event("it needs the whole text")(_upper)
    try:
        assert traces_of(things(marked)) == {}
    finally:
        del _upper.__by_event__  # type: ignore[attr-defined]


# --- Words and branches ---------------------------------------------------------------------------------------------


class PartsRow(RowBase):
    thing_id: Key[str]
    names: Col[tuple[str, ...]]
    note: Col[str | None]
    size: Col[int]
    price: Col[Decimal | None]
    parts: Col[tuple[Part, ...]]


def _branching(told: Told) -> Effects[PartsRow]:
    event = told.event
    size = event.size + 1 if event.colour in (Colour.RED, Colour.BLUE) and event.size > 2 else len(event.parts)
    note = event.note or None
    thing = PartsRow.thing_id.to(told.aggregate_id)
    yield put(
        PartsRow(
            thing_id=told.aggregate_id,
            names=unique(it.name for it in event.parts),
            note=note,
            size=size,
            price=event.price if event.size else None,
            parts=event.parts,
        )
    )
    for part in event.parts:
        yield change(PartsRow, thing, PartsRow.note.to(part.name))
        if part.size > 1:
            yield change(PartsRow, thing, PartsRow.size.to(part.size))


def test_branches_words_and_effects_within_a_loop_keep_their_meaning() -> None:
    parts = ReadModel(name="parts", version=1, row=PartsRow, rules={Painted: _branching})
    codec: Any = CodecOfOne()
    these = replace(definitions("none", [], [parts]), codec=codec)
    assert [differing(these, parts, seed) for seed in range(5)] == [[]] * 5


class CodecOfOne:
    names: Mapping[type, str] = {Painted: "painted"}
