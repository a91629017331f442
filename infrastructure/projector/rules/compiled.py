"""A read model whose rules were traced and compared with its rows, with the functions that were generated from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import TypeAlias

from sqlalchemy import BigInteger

from infrastructure.projector.rules.generating import Apply, generated
from infrastructure.projector.rules.nodes import ListOf, Node, TracedEffect
from infrastructure.projector.rules.symbols import RECORDED, UntraceableError
from infrastructure.projector.rules.tracing import trace
from projections.columns import column_type
from projections.effects import Add, Put
from projections.read_model import ReadModel

Traces: TypeAlias = Mapping[type, Sequence[TracedEffect]]
"""The effects of the rules of a read model, by class of events."""


class RuleError(TypeError):
    """A rule does not fit the rows of its read model, or cannot be traced. The text names it."""

    def __init__(self, read_model: ReadModel, event: type, what: str) -> None:
        super().__init__(f"the rule of {read_model.name} for {event.__name__}: {what}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledModel:
    """`in_part` and `in_whole` are the generated functions, for parts of the log and for whole streams.

    Rules that are called by event have none. `appended` says that each effect makes a row of its own, so that rows
    are a list; `additive`, that they are sums by key.
    """

    read_model: ReadModel
    traces: Traces
    in_part: Mapping[type, Apply]
    in_whole: Mapping[type, Apply]
    additive: bool
    appended: bool


def traces_of(read_model: ReadModel) -> Traces:
    """Trace the rules of a read model but those that are called by event. Raises RuleError for one that is unfit."""
    traces = {}
    for event, rule in read_model.rules.items():
        if by_event_reason(rule):
            continue
        try:
            traces[event] = trace(rule, event)
            for effect in traces[event]:
                _fit(read_model, effect)
        except UntraceableError as error:
            raise RuleError(read_model, event, str(error)) from error
    if not _is_additive(traces) and any(it.effect is Add for effects in traces.values() for it in effects):
        raise TypeError(f"rows of {read_model.name} are both set and added to")
    return traces


def compiled(read_model: ReadModel, traces: Traces, places: Mapping[str, int]) -> CompiledModel:
    all_traced = bool(traces) and traces.keys() == read_model.rules.keys()
    appended = all_traced and all(map(_makes_rows_of_its_own, traces.values()))
    in_part, in_whole = (
        generated(read_model, traces, places, whole_streams=whole, appended=appended) for whole in (False, True)
    )
    return CompiledModel(
        read_model=read_model,
        traces=traces,
        in_part=in_part,
        in_whole=in_whole,
        additive=_is_additive(traces),
        appended=appended,
    )


def context_of(traces: Traces) -> set[str]:
    """Return the names of the values that rules read beside the event."""
    return {
        node.args[0]
        for effects in traces.values()
        for effect in effects
        for node in effect.walk()
        if node.op == "context" and node.args[0] not in (RECORDED.keys() - {"recorded_at"})
    }


def by_event_reason(rule: object) -> str:
    """Return why a rule is called event by event, if it says so."""
    reason: str = getattr(rule, "__by_event__", "")
    return reason


def _is_additive(traces: Traces) -> bool:
    effects = [effect for some in traces.values() for effect in some]
    return bool(effects) and all(effect.effect is Add for effect in effects)


def _makes_rows_of_its_own(effects: Sequence[TracedEffect]) -> bool:
    """Return whether each effect makes a row that no other effect can touch: its key has the place of the event."""
    if len(effects) > 1:
        return False
    for effect in effects:
        key = {node.args[0] for node in effect.key if node.op == "context"}
        if effect.effect is not Put or effect.loops or not ("position" in key or {"aggregate_id", "version"} <= key):
            return False
    return True


# --- Comparing with the row -----------------------------------------------------------------------------------------


def _fit(read_model: ReadModel, effect: TracedEffect) -> None:
    """Raise UntraceableError where a value does not fit its column."""
    row = read_model.row
    named = [*zip(row.__keys__, effect.key, strict=True), *effect.columns]
    for name, node in named:
        column = row.__columns__.get(name)
        if column is None:
            raise UntraceableError(f"there is no column {name}")
        wanted, nullable = column_type(column.annotation)
        if node.nullable and not nullable:
            raise UntraceableError(f"{name} may be None, and the column may not")
        if node.op == "const" and node.args == (None,):
            continue
        kind = GenericAlias(tuple, (node.kind.element, ...)) if isinstance(node.kind, ListOf) else node.kind
        if type(column_type(kind)[0]) is not type(wanted):
            raise UntraceableError(f"{name} is of another type than the column")
    if effect.effect is Put and len(named) != len(row.__columns__):
        raise UntraceableError("a whole row has all columns")
    if effect.effect is Add and not all(
        isinstance(row.__columns__[it].column.type, BigInteger) for it in row.__others__
    ):
        raise UntraceableError("only numbers can be added to")
    if effect.effect is not Add and not any(map(_is_of_stream, effect.key)):
        raise UntraceableError("the key says nothing of the stream, and the row is not only added to")


def _is_of_stream(node: Node) -> bool:
    """Return whether a column of a key holds the stream's id, a place in the log, or a text of the event itself.

    The trace cannot tell whether such a text repeats the stream's id: a test holds it on the history of the sample.
    """
    if node.op == "context":
        return node.args[0] in ("aggregate_id", "position")
    return node.op == "attribute" and node.args[0].op == "event" and node.kind is str
