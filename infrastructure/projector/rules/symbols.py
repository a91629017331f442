"""Symbols stand for unknown values: a rule that is called with symbols shows what it does with any event.

The truth of a symbol is unknown too: the tracer calls the rule once for each answer (`Path`). A rule is refused
where its trace would be wrong without an error: `is` between values, a value as a key, a text made of a value, an
unknown method, a loop that is left early.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from itertools import pairwise
from types import CellType, CodeType, FunctionType, NoneType, UnionType
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from domain.kernel import Context
from infrastructure.projector.rules.nodes import Kind, ListOf, Node
from projections import words
from projections.effects import AnyRule

CONSTANTS = (NoneType, str, bool, int, datetime, date, timedelta, Decimal)
LIBRARIES = ("builtins", "typing", "dataclasses", "functools", "sqlalchemy")
"""Where functions are called as they are."""

RECORDED: Mapping[str, type] = {
    "position": int,
    "version": int,
    "stream": str,
    "aggregate_id": str,
    "recorded_at": datetime,
}
"""The fields of a recorded event beside the event and its context, and their types."""


class UntraceableError(TypeError):
    """A rule does something that cannot be traced."""


@dataclass(slots=True)
class Path:
    """One way through a rule: the questions and answers so far, and the loops that are open.

    The first answers are given; each later one is yes. Each list has `turns` elements.
    """

    given: Sequence[tuple[Node, bool]]
    turns: int
    answers: list[tuple[Node, bool]] = field(default_factory=list)
    loops: list[Node] = field(default_factory=list)
    begun: list[int] = field(default_factory=lambda: [0])
    """How many loops were begun so far, in each loop that is open and outside of all."""

    left_early: bool = False

    def answer(self, asked: Node) -> bool:
        for node, answer in self.answers:
            if node == asked:
                return answer
        at = len(self.answers)
        answer = self.given[at][1] if at < len(self.given) else True
        if at < len(self.given) and self.given[at][0] != asked:
            raise UntraceableError("it does not do the same each time")
        self.answers.append((asked, answer))
        return answer


def constant(value: object) -> Node:
    """Return the node of a value that does not depend on the event."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, ZoneInfo):
        return Node("const", (value,), ZoneInfo)
    if value is UTC:
        return Node("const", (UTC,), tzinfo)
    if isinstance(value, tuple) and all(isinstance(it, str) for it in value):
        return Node("const", (value,), ListOf(str))
    if not isinstance(value, CONSTANTS):
        raise UntraceableError(f"a value of type {type(value).__name__} is made of it")
    return Node("const", (value,), type(value), value is None)


def node_of(value: object) -> Node:
    return value.node if isinstance(value, Symbol) else constant(value)


def truth(op: str, *args: Node) -> Node:
    return Node(op, args, bool)


@cache
def hints_of(kind: type) -> Mapping[str, object]:
    """Return the types of a class's fields. The look-up takes longer than the rest of a trace."""
    return get_type_hints(kind)


def plain(annotation: object) -> object:
    """Return the type that a NewType is made of, and other types as they are."""
    while (supertype := getattr(annotation, "__supertype__", None)) is not None:
        annotation = supertype
    return annotation


def symbol(path: Path, op: str, args: tuple[object, ...], annotation: object) -> Symbol | None:
    """Return a value of an annotated type: None on the path on which a value that may be None is None."""
    annotation = plain(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        others = [it for it in get_args(annotation) if it is not NoneType]
        if len(others) != 1:
            raise UntraceableError(f"a field may be of several types: {annotation}")
        found = symbol(path, op, args, others[0])
        assert found is not None
        return None if path.answer(truth("is_none", found.node)) else found
    kind = plain(get_args(annotation)[0]) if origin in (tuple, list, Sequence) else annotation
    if not isinstance(kind, type):
        raise UntraceableError(f"a field is of type {annotation}")
    return Symbol(Node(op, args, kind if origin is None else ListOf(kind)), path)


def _compared(op: str) -> Callable[[Any, object], Any]:
    """Return the method of symbols for a comparison: it gives a symbol, not a truth."""
    return lambda self, other: self.made(op, bool, other)


class Symbol:
    """A value that is not known yet, on one path through a rule."""

    __slots__ = ("node", "path")

    def __init__(self, node: Node, path: Path) -> None:
        self.node = node
        self.path = path

    def made(self, op: str, kind: Kind, *others: object) -> Symbol:
        """Return the symbol of an operation on this value and others."""
        return Symbol(Node(op, (self.node, *map(node_of, others)), kind), self.path)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any field
        kind = self.node.kind
        if isinstance(kind, type):
            if name == "value" and issubclass(kind, Enum):
                return self.made("value", str)
            if is_dataclass(kind) and name in (hints := hints_of(kind)):
                return symbol(self.path, "attribute", (self.node, name), hints[name])
            if issubclass(kind, datetime) and name in _OF_INSTANTS:
                return partial(self.made, name, _OF_INSTANTS[name])
        raise UntraceableError(f"it asks {_name(kind)} for {name}")

    def __bool__(self) -> bool:
        kind = self.node.kind
        if isinstance(kind, ListOf):
            return self.path.answer(truth("ne", Node("len", (self.node,), int), constant(0)))
        if kind is bool:
            return self.path.answer(self.node)
        for empty in ("", 0):
            if issubclass(kind, type(empty)):
                return self.path.answer(truth("ne", self.node, constant(empty)))
        if is_dataclass(kind) or issubclass(kind, date):
            return True
        raise UntraceableError(f"the truth of {_name(kind)}")

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self.node.kind, ListOf):
            raise UntraceableError(f"it goes through {_name(self.node.kind)}")
        path = self.path
        loop = Node("loop", (self.node, path.begun[-1]), self.node.kind)
        path.begun[-1] += 1
        for _ in range(path.turns):
            path.loops.append(loop)
            path.begun.append(0)
            try:
                yield symbol(path, "element", (loop,), self.node.kind.element)
            except GeneratorExit:
                path.left_early = True
                raise
            path.loops.pop()
            path.begun.pop()

    def __contains__(self, value: object) -> bool:
        return self.path.answer(truth("contains", self.node, node_of(value)))

    __eq__, __ne__, __lt__ = _compared("eq"), _compared("ne"), _compared("lt")
    __le__, __gt__, __ge__ = _compared("le"), _compared("gt"), _compared("ge")

    def __add__(self, other: object) -> Symbol:
        return self.made("add", _sum(self.node.kind, other), other)

    def __sub__(self, other: object) -> Symbol:
        return self.made("sub", _sum(self.node.kind, other), other)

    def __hash__(self) -> int:
        raise UntraceableError("a value of the event as a key, where it would never be found")

    def _text(self, *_: object) -> NoReturn:
        raise UntraceableError("a text is made of a value")

    def _number(self) -> NoReturn:
        raise UntraceableError("a number is made of a value")

    __str__ = __repr__ = __format__ = _text
    __len__ = __index__ = __int__ = _number


def _name(kind: Kind) -> str:
    return kind.__name__ if isinstance(kind, type) else "a list"


def _sum(kind: Kind, other: object) -> Kind:
    right = node_of(other).kind
    if (kind, right) == (int, int) or (kind in (date, datetime) and right is timedelta):
        return kind
    raise UntraceableError(f"{_name(kind)} and {_name(right)} are added up")


_OF_INSTANTS: Mapping[str, Kind] = {"astimezone": datetime, "date": date, "isoformat": str}
"""The methods of instants that a rule may call, and the kinds of their values."""


class SymbolicRecorded:
    """A recorded event, of which only the class of its event is known. It has the fields of its context too."""

    def __init__(self, event: type, path: Path) -> None:
        self.event = Symbol(Node("event", (), event), path)
        self.context = self
        self.path = path

    def __getattr__(self, name: str) -> Symbol | None:
        return symbol(self.path, "context", (name,), {**hints_of(Context), **RECORDED}[name])


# --- Words ----------------------------------------------------------------------------------------------------------


def _word(op: str, kind: Kind, plain_word: Callable[..., Any]) -> Callable[..., object]:
    """Return a word that makes a symbol of a symbol, and calls the plain word with other values."""

    def word(*args: object) -> object:
        return args[0].made(op, kind, *args[1:]) if args and isinstance(args[0], Symbol) else plain_word(*args)

    return word


def _isinstance(value: object, classes: type | tuple[type, ...]) -> bool:
    if not isinstance(value, Symbol):
        return isinstance(value, classes)
    return isinstance(value.node.kind, type) and issubclass(value.node.kind, classes)


def _type(value: object) -> object:
    return value.node.kind if isinstance(value, Symbol) else type(value)


def _civil_month(instant: Symbol, zone: object = words.CIVIL_TIME) -> Symbol:
    return instant.made("civil_month", str, zone)


def _unique(values: Iterable[object]) -> Symbol:
    found = [(value, tuple(value.path.loops)) for value in values if isinstance(value, Symbol)]
    if found:
        text, loops = found[0]
        over = loops[len(text.path.loops) :]
        if len(over) == 1 and all(value.node == text.node and its == loops for value, its in found):
            return Symbol(Node("unique", (over[0], text.node), ListOf(str)), text.path)
    raise UntraceableError("the texts of `unique` are not those of one list")


WORDS: Mapping[int, Callable[..., object]] = {
    id(ZoneInfo): _word("zone", ZoneInfo, ZoneInfo),
    id(words.civil_month): _civil_month,
    id(words.civil_day): _word("civil_day", date, words.civil_day),
    id(words.end_of_day): _word("end_of_day", datetime, words.end_of_day),
    id(words.years_after): _word("years_after", datetime, words.years_after),
    id(words.unique): _unique,
    id(words.first): _word("first", str, words.first),
}
BUILTINS = {
    **vars(builtins),
    "len": _word("len", int, len),
    "int": _word("int", int, int),
    "isinstance": _isinstance,
    "type": _type,
}


def with_words(rule: AnyRule) -> AnyRule:
    """Return a rule that can be called with symbols: its words, and those of its helpers, are replaced."""
    replaced: AnyRule = _replaced(rule, {})
    return replaced


def _replaced(value: Any, known: dict[int, object]) -> Any:  # noqa: ANN401 - whatever a rule has a name for
    if id(value) in WORDS:
        return WORDS[id(value)]
    if id(value) in known:
        return known[id(value)]
    if isinstance(value, FunctionType) and _is_of_rules(value):
        return _copied(value, known)
    call = vars(type(value)).get("__call__")
    if is_dataclass(value) and not isinstance(value, type) and call is not None:  # a rule that is data
        replaced = _replaced(call, known)
        return lambda recorded: replaced(value, recorded)
    return value


def _copied(function: FunctionType, known: dict[int, object]) -> FunctionType:
    _refuse_identity(function.__code__)
    names: dict[str, object] = {"__builtins__": BUILTINS}
    cells = tuple(CellType() for _ in function.__closure__ or ())
    copied = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
    copied.__kwdefaults__ = function.__kwdefaults__
    known[id(function)] = copied
    used = {name for code in _codes(function.__code__) for name in code.co_names}
    names |= {name: _replaced(value, known) for name, value in function.__globals__.items() if name in used}
    for cell, original in zip(cells, function.__closure__ or (), strict=True):
        cell.cell_contents = _replaced(original.cell_contents, known)
    return copied


def _is_of_rules(function: FunctionType) -> bool:
    """Return whether a function is a rule or a helper of one; those that make effects take symbols as they are."""
    package = function.__module__.partition(".")[0]
    return function.__module__ not in ("projections.effects", "projections.columns") and package not in LIBRARIES


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of the functions within it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _refuse_identity(code: CodeType) -> None:
    for each in _codes(code):
        for before, instruction in pairwise(dis.get_instructions(each)):
            with_none = before.opname == "LOAD_CONST" and before.argval is None
            if instruction.opname == "IS_OP" and not with_none:
                raise UntraceableError("`is` between values, of which nothing is known: say ==")
