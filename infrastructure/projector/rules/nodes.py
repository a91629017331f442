"""What a traced rule consists of: expressions over one event, and the effects that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from projections.effects import AnyEffect


class ListOf(NamedTuple):
    """The kind of a list: the kind of its elements."""

    element: Any


Kind: TypeAlias = type | ListOf
"""The Python type of a value, None left aside."""


@dataclass(frozen=True, slots=True)
class Node:
    """An expression: an operation and its arguments, which are nodes, names or constants.

    `field` reads the event, `context` what stands beside it, `loop` is a list and which of the loops over lists it is,
    `element` the element of a loop. `nullable` says that the value may be None.
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
