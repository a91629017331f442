"""Prints traced rules: which events make which column, and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infrastructure.projector.rules.compiled import traces_of
from infrastructure.projector.rules.nodes import Node, TracedEffect
from projections.read_model import ReadModel

WRITTEN: Mapping[str, str] = {
    "if": "{1} if {0}, else {2}",
    "is_none": "{0} is none",
    "not": "not ({0})",
    "and": "{0} and {1}",
    "contains": "{0} has {1}",
    "value": "{0}",
    "zone": "zone {0}",
    "astimezone": "{0} in {1}",
    "date": "day of {0}",
    "isoformat": "{0} as text",
    "len": "number of {0}",
    "int": "{0} as a number",
    "civil_month": "month of {0} in {1}",
    "civil_day": "day of {0}",
    "unique": "each {1} once",
    "first": "the first of {0}",
    "eq": "{0} = {1}",
    "ne": "{0} <> {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
}
"""How the operations are written for people."""


def explained(read_model: ReadModel, names: Mapping[type, str]) -> Sequence[Mapping[str, Any]]:
    """Return the effects of a read model's rules, as JSON can hold them: event, effect, conditions, and each column.

    `names` are the stored names of events. Rules that are called by event are left out.
    """
    keys = read_model.row.__keys__
    traces = traces_of(read_model)
    return [_effect(names[event], keys, effect) for event, effects in traces.items() for effect in effects]


def sentences(effects: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Sequence[str]:
    """Return by column which events make it, and of what."""
    lines = []
    for column in columns:
        lines.append(column)
        for effect in effects:
            if column in effect["values"]:
                when = "".join(f", {word} {effect[word]}" for word in ("if", "for each") if effect[word])
                lines.append(f"    {effect['event']} ({effect['effect']}{when}): {effect['values'][column]}")
    return lines


def _effect(name: str, keys: Sequence[str], effect: TracedEffect) -> Mapping[str, Any]:
    return {
        "event": name,
        "effect": effect.effect.__name__.lower(),
        "if": written(effect.where) if effect.where else "",
        "for each": " and ".join(written(loop.args[0]) for loop in effect.loops),
        "values": {column: written(node) for column, node in (*zip(keys, effect.key, strict=True), *effect.columns)},
    }


def written(node: Node) -> str:
    """Return an expression for people."""
    match node.op:
        case "field":
            return ".".join(node.args)
        case "context":
            return f"@{node.args[0]}"
        case "const":
            value = node.args[0]
            return "none" if value is None else repr(value) if isinstance(value, str) else str(value)
        case "loop" | "element":
            return written(node.args[0])
        case "attribute":
            return f"{written(node.args[0])}.{node.args[1]}"
        case _:
            return WRITTEN[node.op].format(*map(written, node.args))
