"""Turns traced rules into Python: for each class of events a function that changes rows in memory.

A function takes the row of the log, the decoded event, the id of its stream and the rows, by key. Rows are lists in the
order of the columns, those of the key first. Either a function gets whole streams, so that a row that is not among the
rows does not exist, or a part of the log, and notes a change of such a row as a dict of column numbers.

Before a function changes any row it raises UnsoundError for a value that no column can hold, and a clock may raise too:
then the caller calls the rule itself, and checks its effects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from itertools import groupby
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from infrastructure.projector.rules.bounds import LEAST, MOST, is_numeric
from infrastructure.projector.rules.nodes import OPERATIONS, Kind, ListOf, Node, TracedEffect, element_of
from infrastructure.projector.rules.symbols import UntraceableError
from projections.effects import Add, Drop, Put
from projections.read_model import ReadModel
from projections.words import CIVIL_TIME, civil_day, civil_month, end_of_day, first, unique, years_after

Apply: TypeAlias = Callable[[Sequence[Any], Any, str, Any], None]
"""Called with the row of the log, the event, the id of the stream, and the rows that are changed."""

GUARDS: Mapping[Kind, str] = {
    int: f"not {LEAST} <= {{0}} <= {MOST}",
    datetime: "{0}.tzinfo is None",
    Decimal: "not is_numeric({0})",
}
"""Conditions under which no column can hold a value, by the type of the value."""

SOUND = frozenset(("const", "context", "len", "int"))
"""Operations whose numbers and instants every column can hold."""

UNNAMED = frozenset(("event", "context", "const", "loop", "element", "int"))
"""Operations whose values get no name: they are at hand, or a condition keeps them from raising."""


class UnsoundError(ValueError):
    """A value of the event is one that no column can hold."""


class Dropped(dict[int, Any]):
    """A row that was removed: changes of it are lost."""

    def __setitem__(self, column: int, value: object) -> None:
        return


WORDS: Mapping[str, object] = {
    "UTC": UTC,
    "CIVIL_TIME": CIVIL_TIME,
    "ZoneInfo": ZoneInfo,
    "civil_day": civil_day,
    "civil_month": civil_month,
    "end_of_day": end_of_day,
    "years_after": years_after,
    "unique": unique,
    "first": first,
    "is_numeric": is_numeric,
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
    source = _Source(read_model, places, whole_streams=whole_streams, appended=appended)
    for number, effects in enumerate(traces.values()):
        source.function(f"rule_{number}", effects)
    names: dict[str, Any] = {**WORDS, **source.constants}
    exec(compile("\n".join(source.lines), f"<rules of {read_model.name}>", "exec"), names)  # noqa: S102 - our own text
    return {event: names[f"rule_{number}"] for number, event in enumerate(traces)}


class _Source:
    """The text of the functions of one read model."""

    def __init__(
        self, read_model: ReadModel, places: Mapping[str, int], *, whole_streams: bool, appended: bool
    ) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, object] = {}
        self._row = read_model.row
        self._places = places
        self._whole_streams = whole_streams
        self._appended = appended
        self._names: dict[Node, str] = {}
        """The names of values and of the elements of loops, in the function that is written now."""

    def function(self, name: str, effects: Sequence[TracedEffect]) -> None:
        self._names = {}
        body = [*self._named_values(effects), *self._each(effects, self._guards)]
        if len(effects) > 1 and any(node.op in _CLOCKS for effect in effects for node in effect.walk()):
            body += self._at_once(effects)
        else:
            body += self._each(effects, self._changes)
        self.lines += [f"def {name}(row, event, aggregate_id, rows):", *_indented(body or ["return"])]

    # --- Statements -------------------------------------------------------------------------------------------------

    def _named_values(self, effects: Sequence[TracedEffect]) -> Iterator[str]:
        """Give names to values that are used more than once.

        An element changes from turn to turn; a value that is tested for None may have no attributes; the branches of a
        choice become texts one by one.
        """
        used = Counter(node for effect in effects for node in [*effect.walk()][::-1] if node.op not in UNNAMED)
        used.update(node for effect in effects for node in effect.values if _guard_of(node))
        tested = {node.args[0] for node in used if node.op == "is_none"}
        for node, times in used.items():
            whole, *inner = node.walk()
            varies = any(it.op in ("element", "int") for it in inner) or (whole.op == "if" and _stored_form(whole.kind))
            if times > 1 and not varies and tested.isdisjoint(inner):
                name = f"value_{len(self._names)}"
                yield f"{name} = {self._text(node)}"
                self._names[node] = name

    def _each(self, effects: Sequence[TracedEffect], lines: Callable[[TracedEffect], Iterable[str]]) -> Iterator[str]:
        """Yield the lines of effects within their loops. Effects in the same loops take turns for each element."""
        for loops, some in groupby(effects, lambda effect: effect.loops):
            heads = []
            for depth, loop in enumerate(loops):
                heads.append(f"for element_{depth} in {self._text(loop.args[0])}:")
                self._names[element_of(loop)] = f"element_{depth}"
            inner = [line for effect in some for line in lines(effect)]
            for head in reversed(heads):
                inner = [head, *_indented(inner)] if inner else []
            yield from inner

    def _guards(self, effect: TracedEffect) -> Iterator[str]:
        """Yield lines that refuse values that no column can hold."""
        for node in dict.fromkeys(effect.values):
            if guard := _guard_of(node):
                text = self._text(node)
                conditions = [self._text(effect.where)] if effect.where else []
                conditions += [f"{text} is not None"] if node.nullable else []
                yield f"if {' and '.join([*conditions, guard.format(text)])}: raise UnsoundError"

    def _changes(self, effect: TracedEffect) -> Iterable[str]:
        body = self._change(effect, self._key(effect), [self._stored(node) for _, node in effect.columns])
        return body if effect.where is None else [f"if {self._text(effect.where)}:", *_indented(body)]

    def _at_once(self, effects: Sequence[TracedEffect]) -> Sequence[str]:
        """Change nothing before all values are there, as a clock may raise."""
        values: list[str] = []
        changes: list[str] = []
        for number, effect in enumerate(effects):
            if effect.loops:
                raise UntraceableError("several effects, a loop and a clock in one rule")
            names = [f"cell_{number}_{at}" for at in range(len(effect.columns))]
            cells = [f"{name} = {self._stored(node)}" for name, (_, node) in zip(names, effect.columns, strict=True)]
            head = f"if when_{number}:"
            values.append(f"when_{number} = {self._text(effect.where) if effect.where else True}")
            values += [head, *_indented([f"key_{number} = {self._key(effect)}", *cells])]
            changes += [head, *_indented(self._change(effect, f"key_{number}", names))]
        return [*values, *changes]

    def _key(self, effect: TracedEffect) -> str:
        parts = [self._stored(node) for node in effect.key]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def _change(self, effect: TracedEffect, key: str, values: Sequence[str]) -> Sequence[str]:
        """Return the lines that change one row."""
        keys = len(self._row.__keys__)
        cells = {self._row.__places__[name]: value for (name, _), value in zip(effect.columns, values, strict=True)}
        if effect.effect is Put:
            row = ", ".join(["*key" if keys > 1 else "key", *(cells[at] for at in sorted(cells))])
            return [f"key = {key}", f"rows.append([{row}])" if self._appended else f"rows[key] = [{row}]"]
        if effect.effect is Drop:
            return [f"rows.pop({key}, None)" if self._whole_streams else f"rows[{key}] = Dropped()"]
        lines = [f"key = {key}", "found = rows.get(key)"]
        if effect.effect is Add:
            zeros = len(self._row.__others__)
            sums = (f"found[{at - keys}] += {value}" for at, value in cells.items())
            return [*lines, f"if found is None: rows[key] = found = [0] * {zeros}", *sums]
        changes = [f"found[{at}] = {value}" for at, value in cells.items()]
        if self._whole_streams:
            return [*lines, "if found is not None:", *_indented(changes)]
        return [*lines, "if found is None: rows[key] = found = {}", *changes]

    # --- Expressions ------------------------------------------------------------------------------------------------

    def _stored(self, node: Node) -> str:
        """Return the text of an expression whose value stands in a row."""
        if node.op == "if" and node not in self._names:
            asked, yes, no = node.args
            return f"({self._stored(yes)} if {self._text(asked)} else {self._stored(no)})"
        text = self._text(node)
        if node.op != "const" and (stored := _stored_form(node.kind)):
            stored = stored.format(text)
            return f"(None if {text} is None else {stored})" if node.nullable else stored
        return text

    def _text(self, node: Node) -> str:
        if node in self._names:
            return self._names[node]
        match node.op, *node.args:
            case "attribute", Node() as value, str(name):
                return f"{self._text(value)}.{name}"
            case "context", str(name):
                return "aggregate_id" if name == "aggregate_id" else f"row[{self._places[name]}]"
            case "const", value:
                return self._constant(value)
            case "unique", Node() as loop, Node() as text:
                self._names[element_of(loop)] = "it"
                return f"unique([{self._stored(text)} for it in {self._text(loop.args[0])}])"
            case _:
                return OPERATIONS[node.op].python.format(*map(self._text, node.args))

    def _constant(self, value: object) -> str:
        if value is None or isinstance(value, (str, bool, int)):
            return repr(value)
        for name, known in (("UTC", UTC), ("CIVIL_TIME", CIVIL_TIME)):
            if value is known:
                return name
        name = f"CONSTANT_{len(self.constants)}"
        self.constants[name] = value
        return name


_CLOCKS = frozenset(op for op, operation in OPERATIONS.items() if operation.clock)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f" {line}" for line in lines)


def _guard_of(node: Node) -> str:
    """Return the condition under which no column can hold the value of a node, empty if every column can."""
    return GUARDS.get(node.kind, "") if node.op not in SOUND else ""


def _stored_form(kind: Kind) -> str:
    """Return how a member of an enumeration, or several, become texts; empty for other kinds."""
    if isinstance(kind, ListOf):
        return "tuple([it._value_ for it in {0}])" if _is_enum(kind.element) else ""
    return "{0}._value_" if _is_enum(kind) else ""


def _is_enum(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
