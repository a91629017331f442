"""Prints traced rules: which events make which column, and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from infrastructure.projector.rules.compiled import traces_of
from infrastructure.projector.rules.nodes import OPERATIONS, Node, TracedEffect
from projections.read_model import ReadModel

ExplainedEffect = TypedDict(
    "ExplainedEffect", {"event": str, "effect": str, "if": str, "for each": str, "values": Mapping[str, str]}
)
"""An effect in words: the event, the kind of effect, its conditions, and the expression of each column."""


def explained(read_model: ReadModel, names: Mapping[type, str]) -> Sequence[ExplainedEffect]:
    """Return the effects of a read model's rules in words; those of rules that are called by event are left out.

    `names` are the stored names of events.
    """
    keys = read_model.row.__keys__
    traces = traces_of(read_model)
    return [_effect(names[event], keys, effect) for event, effects in traces.items() for effect in effects]


def sentences(effects: Sequence[ExplainedEffect], columns: Sequence[str]) -> Sequence[str]:
    """Return by column which events make it, and of what."""
    lines = []
    for column in columns:
        lines.append(column)
        for effect in effects:
            if column in effect["values"]:
                where = f", if {effect['if']}" if effect["if"] else ""
                loops = f", for each {effect['for each']}" if effect["for each"] else ""
                lines.append(f"    {effect['event']} ({effect['effect']}{where}{loops}): {effect['values'][column]}")
    return lines


def _effect(name: str, keys: Sequence[str], effect: TracedEffect) -> ExplainedEffect:
    return {
        "event": name,
        "effect": effect.effect.__name__.lower(),
        "if": written(effect.where) if effect.where else "",
        "for each": " and ".join(written(loop.args[0]) for loop in effect.loops),
        "values": {column: written(node) for column, node in (*zip(keys, effect.key, strict=True), *effect.columns)},
    }


def written(node: Node) -> str:
    """Return an expression for people."""
    match node.op, *node.args:
        case "attribute", Node() as value, str(name):
            return f"{written(value)}.{name}".removeprefix(".")
        case "context", str(name):
            return f"@{name}"
        case "const", value:
            return "none" if value is None else repr(value) if isinstance(value, str) else str(value)
        case "loop" | "element", Node() as value, *_:
            return written(value)
        case "unique", _, Node() as text:
            return f"each {written(text)} once"
        case _:
            return OPERATIONS[node.op].text.format(*map(written, node.args))
