"""The parts of a traced rule: expressions over one event, and the effects that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from projections.effects import AnyEffect


class ListOf(NamedTuple):
    """The kind of a list: the kind of its elements."""

    element: type


Kind: TypeAlias = type | ListOf
"""The Python type of a value other than None."""


@dataclass(frozen=True, slots=True)
class Node:
    """An expression: an operation and its arguments, which are nodes, names or constants.

    `event` is the event, `attribute` a field of a value, `context` a value beside the event by its name, `loop` a list
    and which of the loops over lists it is, `element` the element of a loop, `unique` a loop and a text of its element;
    the others are in `OPERATIONS`. `nullable` says that the value may be None.
    """

    op: str
    args: tuple[Any, ...] = ()
    kind: Kind = NoneType
    nullable: bool = field(default=False, compare=False)

    def walk(self) -> Iterator[Node]:
        yield self
        for arg in self.args:
            if isinstance(arg, Node):
                yield from arg.walk()


def element_of(loop: Node) -> Node:
    """Return the element of a loop."""
    assert isinstance(loop.kind, ListOf)
    return Node("element", (loop,), loop.kind.element)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEffect:
    """An effect whose values are expressions. It happens once for each element of the lists in `loops`, if `where`."""

    effect: type[AnyEffect]
    loops: tuple[Node, ...]
    key: tuple[Node, ...]
    columns: tuple[tuple[str, Node], ...]
    where: Node | None = None

    @property
    def values(self) -> tuple[Node, ...]:
        return (*self.key, *(node for _, node in self.columns))

    def walk(self) -> Iterator[Node]:
        for node in (*self.loops, *self.values, *([self.where] if self.where else [])):
            yield from node.walk()


class NodeForm(NamedTuple):
    """How an operation is written in Python, and how for people. A `clock` raises for instants at the ends of time."""

    python: str
    text: str
    clock: bool = False


OPERATIONS: Mapping[str, NodeForm] = {
    "event": NodeForm("event", ""),
    "if": NodeForm("({1} if {0} else {2})", "{1} if {0}, else {2}"),
    "is_none": NodeForm("({0} is None)", "{0} is none"),
    "not": NodeForm("(not {0})", "not ({0})"),
    "and": NodeForm("({0} and {1})", "{0} and {1}"),
    "contains": NodeForm("({1} in {0})", "{0} has {1}"),
    "value": NodeForm("{0}._value_", "{0}"),
    "zone": NodeForm("ZoneInfo({0})", "zone {0}", clock=True),
    "astimezone": NodeForm("{0}.astimezone({1})", "{0} in {1}", clock=True),
    "date": NodeForm("{0}.date()", "day of {0}", clock=True),
    "isoformat": NodeForm("{0}.isoformat()", "{0} as text", clock=True),
    "civil_month": NodeForm("civil_month({0}, {1})", "month of {0} in {1}", clock=True),
    "civil_day": NodeForm("civil_day({0})", "day of {0}", clock=True),
    "end_of_day": NodeForm("end_of_day({0})", "end of {0}", clock=True),
    "years_after": NodeForm("years_after({0}, {1})", "{1} years after {0}", clock=True),
    "len": NodeForm("len({0})", "number of {0}"),
    "int": NodeForm("int({0})", "{0} as a number"),
    "first": NodeForm("first({0})", "the first of {0}"),
    "eq": NodeForm("({0} == {1})", "{0} = {1}"),
    "ne": NodeForm("({0} != {1})", "{0} <> {1}"),
    "lt": NodeForm("({0} < {1})", "{0} < {1}"),
    "le": NodeForm("({0} <= {1})", "{0} <= {1}"),
    "gt": NodeForm("({0} > {1})", "{0} > {1}"),
    "ge": NodeForm("({0} >= {1})", "{0} >= {1}"),
    "add": NodeForm("({0} + {1})", "{0} + {1}"),
    "sub": NodeForm("({0} - {1})", "{0} - {1}"),
}
