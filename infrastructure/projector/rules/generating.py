"""Turns traced rules into Python: for each class of events a function that changes rows in memory.

A function takes the row of the log, the decoded event, the id of its stream and the rows, by key. Rows are lists in the
order of the columns, those of the key first. Either a function knows whole streams, so that a row which is not there
does not exist, or it knows a part of the log, and notes a change of such a row as a dict of column numbers.

Before it changes anything a function raises UnsoundError for a number or an instant that no column can hold, and a
clock may raise too: then the rule itself is called, and whatever it gives is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from infrastructure.projector.rules.nodes import Kind, ListOf, Node, TracedEffect
from infrastructure.projector.rules.symbols import UntraceableError
from projections.effects import Add, Drop, Put, Set
from projections.read_model import ReadModel
from projections.words import CIVIL_TIME, civil_day, civil_month, first, unique

Apply: TypeAlias = Callable[[Sequence[Any], Any, str, Any], None]
"""Called with the row of the log, the event, the id of the stream, and the rows that are changed."""

LEAST, MOST = -(2**63), 2**63 - 1

READS = frozenset(("field", "context", "const", "element", "attribute"))
FORMS: Mapping[str, str] = {
    "if": "({1} if {0} else {2})",
    "is_none": "({0} is None)",
    "not": "(not {0})",
    "and": "({0} and {1})",
    "contains": "({1} in {0})",
    "value": "{0}._value_",
    "zone": "ZoneInfo({0})",
    "astimezone": "{0}.astimezone({1})",
    "date": "{0}.date()",
    "isoformat": "{0}.isoformat()",
    "len": "len({0})",
    "first": "first({0})",
    "int": "int({0})",
    "civil_month": "civil_month({0}, {1})",
    "civil_day": "civil_day({0})",
    "eq": "({0} == {1})",
    "ne": "({0} != {1})",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
}
"""How the operations are written in Python."""

CLOCKS = frozenset(("zone", "civil_month", "civil_day", "astimezone", "date", "isoformat"))
"""Operations that raise for instants at the ends of time."""

KNOWN = frozenset(("const", "context", "len", "int"))
"""Operations whose numbers and instants every column can hold."""


class UnsoundError(ValueError):
    """A value of the event is one that no column can hold."""


class Dropped(dict[int, Any]):
    """A row that was removed: changes of it are lost."""

    def __setitem__(self, column: int, value: object) -> None:
        return


WORDS = {
    "UTC": UTC,
    "CIVIL_TIME": CIVIL_TIME,
    "ZoneInfo": ZoneInfo,
    "civil_day": civil_day,
    "civil_month": civil_month,
    "unique": unique,
    "first": first,
    "UnsoundError": UnsoundError,
    "Dropped": Dropped,
}


def generated(
    read_model: ReadModel,
    traces: Mapping[type, Sequence[TracedEffect]],
    places: Mapping[str, int],
    *,
    whole_streams: bool,
    appended: bool,
) -> Mapping[type, Apply]:
    """Return the functions of a read model. `places` says where the columns of the log stand in its rows."""
    source = Source(read_model, places, whole_streams=whole_streams, appended=appended)
    for number, effects in enumerate(traces.values()):
        source.function(f"rule_{number}", effects)
    names: dict[str, Any] = {**WORDS, **source.constants}
    exec(compile("\n".join(source.lines), f"<rules of {read_model.name}>", "exec"), names)  # noqa: S102 - our own text
    return {event: names[f"rule_{number}"] for number, event in enumerate(traces)}


class Source:
    """The text of the functions of one read model."""

    def __init__(
        self, read_model: ReadModel, places: Mapping[str, int], *, whole_streams: bool, appended: bool
    ) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._read_model = read_model
        self._columns = {name: at for at, name in enumerate(read_model.row.__columns__)}
        self._keys = len(read_model.row.__keys__)
        self._places = places
        self._whole_streams = whole_streams
        self._appended = appended
        self._elements: dict[Node, str] = {}

    def function(self, name: str, effects: Sequence[TracedEffect]) -> None:
        self.lines.append(f"def {name}(row, event, aggregate_id, rows):")
        before = len(self.lines)
        for loops, some in _by_loops(effects):
            self._in_loops(loops, [line for effect in some for line in self._guards(effect)])
        if len(effects) > 1 and any(node.op in CLOCKS for effect in effects for node in effect.walk()):
            self._at_once(effects)
        else:
            for loops, some in _by_loops(effects):
                self._in_loops(loops, [line for effect in some for line in self._effect(effect)])
        if len(self.lines) == before:
            self.lines.append(" return")

    # --- Statements -------------------------------------------------------------------------------------------------

    def _in_loops(self, loops: Sequence[Node], lines_of: Sequence[Any]) -> None:
        """Write lines within loops. They are made as late as that, when the names of the elements are known."""
        if not lines_of:
            return
        indent = " "
        for loop in loops:
            name = f"element_{len(self._elements)}"
            self.lines.append(f"{indent}for {name} in {self._text(loop.args[0])}:")
            self._elements[loop] = name
            indent += " "
        for line in lines_of:
            self.lines.extend(indent + it for it in line())
        for loop in loops:
            del self._elements[loop]

    def _guards(self, effect: TracedEffect) -> Iterator[Callable[[], Sequence[str]]]:
        """Yield what refuses values that no column can hold."""
        for node in dict.fromkeys(effect.values):
            if node.kind in (int, datetime) and node.op not in KNOWN:
                yield lambda node=node: [self._guard(node, effect.where)]  # type: ignore[misc]

    def _guard(self, node: Node, where: Node | None) -> str:
        text = self._text(node)
        wrong = f"{text}.tzinfo is None" if node.kind is datetime else f"not {LEAST} <= {text} <= {MOST}"
        conditions = [
            *([self._text(where)] if where else []),
            *([f"{text} is not None"] if node.nullable else []),
            wrong,
        ]
        return f"if {' and '.join(conditions)}: raise UnsoundError"

    def _effect(self, effect: TracedEffect) -> Iterator[Callable[[], Sequence[str]]]:
        def lines() -> Sequence[str]:
            body = self._change(effect, self._key(effect), [self._stored(node) for _, node in effect.columns])
            return body if effect.where is None else [f"if {self._text(effect.where)}:", *(f" {it}" for it in body)]

        yield lines

    def _at_once(self, effects: Sequence[TracedEffect]) -> None:
        """Change nothing before all values are there, as a clock may raise."""
        changes: list[str] = []
        for number, effect in enumerate(effects):
            if effect.loops:
                raise UntraceableError("several effects, a loop and a clock in one rule")
            when = "True" if effect.where is None else self._text(effect.where)
            values = [self._stored(node) for _, node in effect.columns]
            names = [f"value_{number}_{at}" for at in range(len(values))]
            self.lines.append(f" when_{number} = {when}")
            self.lines.append(f" if when_{number}:")
            self.lines.append(f"  key_{number} = {self._key(effect)}")
            self.lines.extend(f"  {name} = {value}" for name, value in zip(names, values, strict=True))
            changes.append(f" if when_{number}:")
            changes.extend(f"  {line}" for line in self._change(effect, f"key_{number}", names))
        self.lines.extend(changes)

    def _key(self, effect: TracedEffect) -> str:
        parts = [self._stored(node) for node in effect.key]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def _change(self, effect: TracedEffect, key: str, values: Sequence[str]) -> Sequence[str]:
        """Return what makes the change of one row."""
        if effect.effect is Put:
            by_name = dict(zip((name for name, _ in effect.columns), values, strict=True))
            parts = f"*{key}" if self._keys > 1 else key
            cells = [by_name[name] for name in self._read_model.row.__others__]
            if self._appended:
                return [f"rows.append([{', '.join([parts, *cells])}])"]
            return [f"key = {key}", f"rows[key] = [{', '.join(['*key' if self._keys > 1 else 'key', *cells])}]"]
        if effect.effect is Drop:
            return [f"rows.pop({key}, None)" if self._whole_streams else f"rows[{key}] = Dropped()"]
        lines = [f"key = {key}", "found = rows.get(key)"]
        places = [self._columns[name] for name, _ in effect.columns]
        if effect.effect is Add:
            lines.append(f"if found is None: rows[key] = found = [0] * {len(self._columns) - self._keys}")
            return [
                *lines,
                *(f"found[{at - self._keys}] += {value}" for at, value in zip(places, values, strict=True)),
            ]
        assert effect.effect is Set
        changes = [f"found[{at}] = {value}" for at, value in zip(places, values, strict=True)]
        if self._whole_streams:
            return [*lines, "if found is not None:", *(f" {change}" for change in changes)]
        return [*lines, "if found is None: rows[key] = found = {}", *changes]

    # --- Expressions ------------------------------------------------------------------------------------------------

    def _stored(self, node: Node) -> str:
        """Return the text of an expression whose value stands in a row."""
        if node.op == "if":
            asked, yes, no = node.args
            return f"({self._stored(yes)} if {self._text(asked)} else {self._stored(no)})"
        text = self._text(node)
        if node.op == "const":
            return text
        if _is_enum(node.kind):
            return f"(None if {text} is None else {text}._value_)" if node.nullable else f"{text}._value_"
        if isinstance(node.kind, ListOf) and _is_enum(node.kind.element):
            texts = f"tuple([it._value_ for it in {text}])"
            return f"(None if {text} is None else {texts})" if node.nullable else texts
        return text

    def _text(self, node: Node) -> str:
        args = node.args
        if node.op in READS:
            return self._read(node.op, *args)
        if node.op == "unique":
            return self._unique(*args)
        if node.op == "civil_month" and args[1].args == (CIVIL_TIME,):
            # Called as rules call it, so that they find a month that another one has asked for.
            return f"civil_month({self._text(args[0])})"
        return FORMS[node.op].format(*map(self._text, args))

    def _read(self, op: str, of: Any, *names: str) -> str:  # noqa: ANN401 - a node, a name or a constant
        if op == "context":
            return "aggregate_id" if of == "aggregate_id" else f"row[{self._places[of]}]"
        if op == "const":
            return self._constant(of)
        start = {
            "attribute": lambda: self._text(of),
            "element": lambda: self._elements[of],
            "field": lambda: f"event.{of}",
        }
        return ".".join((start[op](), *names))

    def _unique(self, loop: Node, text: Node) -> str:
        self._elements[loop] = "it"
        found = f"unique([{self._stored(text)} for it in {self._text(loop.args[0])}])"
        del self._elements[loop]
        return found

    def _constant(self, value: object) -> str:
        if value is None or isinstance(value, (str, bool, int)):
            return repr(value)
        for name, known in (("UTC", UTC), ("CIVIL_TIME", CIVIL_TIME)):
            if value is known:
                return name
        name = f"CONSTANT_{len(self.constants)}"
        self.constants[name] = value
        return name


def _by_loops(effects: Sequence[TracedEffect]) -> Iterator[tuple[Sequence[Node], Sequence[TracedEffect]]]:
    """Bring together effects that follow each other in the same loops: they take turns for each element."""
    some: list[TracedEffect] = []
    for effect in effects:
        if some and some[-1].loops != effect.loops:
            yield some[0].loops, some
            some = []
        some.append(effect)
    if some:
        yield some[0].loops, some


def _is_enum(kind: Kind) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
