"""An example of every event, made from its fields, and the golden bytes it is stored as.

`python -m tests.infrastructure.examples` writes the golden files of events that have none yet; it never changes one.
"""

from __future__ import annotations

import dataclasses
import types
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.contexts import DECIDERS
from infrastructure.codec import Codec

GOLDEN = Path(__file__).parent / "golden"
OLDER = Path(__file__).parent / "golden_older"
"""Bytes of before a field came or went; they are in logs for ever. A number tells several of one name apart."""
CODEC = Codec(DECIDERS)

_PLAIN: dict[Any, Any] = {
    int: 7,
    bool: True,
    datetime: datetime(2021, 11, 3, 9, 30, 0, 123456, tzinfo=UTC),
    date: date(2021, 11, 3),
}


def example(event: type) -> Any:
    """Make the example of an event class: every field filled, each by its type and name."""
    hints = get_type_hints(event)
    return event(**{field.name: _value(field.name, hints[field.name]) for field in dataclasses.fields(event)})


def _value(name: str, hint: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return example(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return next(iter(hint))
    if get_origin(hint) is tuple:
        return (_value(name, get_args(hint)[0]),)
    if get_origin(hint) in (Union, types.UnionType):
        return _value(name, next(part for part in get_args(hint) if part is not type(None)))
    return _PLAIN.get(hint, f"{name} ë")


def golden(name: str) -> Path:
    return GOLDEN / f"{name}.json"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for stored_name, event_class in CODEC.classes.items():
        if not golden(stored_name).exists():
            golden(stored_name).write_bytes(CODEC.encode(example(event_class))[1])
