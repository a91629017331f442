"""Traces a rule: calls it with symbols, once for each way through it, and merges the ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from infrastructure.projector.rules.nodes import Node, TracedEffect
from infrastructure.projector.rules.symbols import (
    Path,
    SymbolicRecorded,
    UntraceableError,
    constant,
    node_of,
    truth,
    with_words,
)
from projections.effects import AnyEffect, AnyRule

MAX_PATHS = 256
"""The most ways through a rule."""

Answers: TypeAlias = Sequence[tuple[Node, bool]]
Way: TypeAlias = tuple[Answers, Sequence[TracedEffect]]


def trace(rule: AnyRule, event: type) -> Sequence[TracedEffect]:
    """Return the effects of a rule for events of a class, in order. Raises UntraceableError, which says why."""
    called = with_words(rule)
    ways = _ways(called, event, turns=1)
    if _each_once(ways) != _each_once(_ways(called, event, turns=2)):
        raise UntraceableError("a loop carries a value from element to element")
    effects = _merged(ways, 0)
    for effect in effects:
        elements = {node.args[0] for node in effect.walk() if node.op == "element"}
        own = {node.args[0] for node in effect.walk() if node.op == "unique"}
        if not elements - own <= set(effect.loops):
            raise UntraceableError("an element is used outside of its loop")
    return effects


def _each_once(ways: Sequence[Way]) -> Sequence[Way]:
    """Remove repeated effects of a way: those of the second turn of a loop."""
    return [
        (answers, [effect for at, effect in enumerate(effects) if effect not in effects[:at]])
        for answers, effects in ways
    ]


# --- Ways through a rule --------------------------------------------------------------------------------------------


def _ways(rule: AnyRule, event: type, turns: int) -> Sequence[Way]:
    ways: list[Way] = []
    waiting: list[Answers] = [()]
    while waiting:
        path = Path(waiting.pop(), turns)
        ways.append((path.answers, _effects(rule, event, path)))
        for at in range(len(path.given), len(path.answers)):
            asked, answer = path.answers[at]
            waiting.append((*path.answers[:at], (asked, not answer)))
        if len(ways) > MAX_PATHS:
            raise UntraceableError(f"there are more than {MAX_PATHS} ways through it")
    return ways


def _effects(rule: AnyRule, event: type, path: Path) -> Sequence[TracedEffect]:
    recorded: Any = SymbolicRecorded(event, path)
    try:
        found = [_traced(effect, path) for effect in rule(recorded)]
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        raise UntraceableError(str(error)) from error
    if path.left_early:
        raise UntraceableError("a loop is left early")
    return found


def _traced(effect: AnyEffect, path: Path) -> TracedEffect:
    return TracedEffect(
        effect=type(effect),
        loops=tuple(path.loops),
        key=tuple(map(node_of, effect.key)),
        columns=tuple((name, node_of(value)) for name, value in effect.cells.items()),
    )


# --- Merging ways ---------------------------------------------------------------------------------------------------


def _merged(ways: Sequence[Way], depth: int) -> Sequence[TracedEffect]:
    """Merge ways that have the first so many answers in common."""
    if len(ways) == 1 and len(ways[0][0]) == depth:
        return ways[0][1]
    asked = ways[0][0][depth][0]
    yes, no = (_merged([way for way in ways if way[0][depth][1] is answer], depth + 1) for answer in (True, False))
    first, last = 0, 0
    while first < min(len(yes), len(no)) and yes[first] == no[first]:
        first += 1
    while last < min(len(yes), len(no)) - first and yes[-1 - last] == no[-1 - last]:
        last += 1
    middle = _either(asked, yes[first : len(yes) - last], no[first : len(no) - last])
    return [*yes[:first], *middle, *yes[len(yes) - last :]]


def _either(asked: Node, yes: Sequence[TracedEffect], no: Sequence[TracedEffect]) -> Sequence[TracedEffect]:
    if len(yes) == len(no) and all(map(_alike, yes, no)):
        return [_one(asked, left, right) for left, right in zip(yes, no, strict=True)]
    return [
        *(_only_if(asked, effect) for effect in yes),
        *(_only_if(truth("not", asked), effect) for effect in no),
    ]


def _alike(left: TracedEffect, right: TracedEffect) -> bool:
    """Return whether two effects differ in values only."""
    shapes = [(it.effect, it.loops, it.where, [name for name, _ in it.columns]) for it in (left, right)]
    return shapes[0] == shapes[1]


def _one(asked: Node, yes: TracedEffect, no: TracedEffect) -> TracedEffect:
    others = dict(no.columns)
    return replace(
        yes,
        key=tuple(_choice(asked, left, right) for left, right in zip(yes.key, no.key, strict=True)),
        columns=tuple((name, _choice(asked, left, others[name])) for name, left in yes.columns),
    )


def _choice(asked: Node, yes: Node, no: Node) -> Node:
    if yes == no:
        return replace(yes, nullable=yes.nullable or no.nullable)
    if asked.op == "is_none" and yes == constant(None) and no == asked.args[0]:
        return replace(no, nullable=True)
    kind = no.kind if yes == constant(None) else yes.kind
    return Node("if", (asked, yes, no), kind, yes.nullable or no.nullable)


def _only_if(asked: Node, effect: TracedEffect) -> TracedEffect:
    return replace(effect, where=asked if effect.where is None else truth("and", asked, effect.where))
