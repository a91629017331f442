"""Recorded events made at random from their classes, more hostile than any history that the domain lets through.

Rows are changed before they are there and made twice, whatever may be None often is, lists are empty or hold the same
element twice, and clocks stand at the change of summer time, at the end of a month, and to the microsecond where a
window ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.kernel import Context, Recorded
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rules.symbols import plain

CLOCKS = (
    datetime(2021, 3, 28, 1, tzinfo=UTC),
    datetime(2021, 10, 31, 1, tzinfo=UTC),
    datetime(2021, 12, 31, 23, tzinfo=UTC),
    datetime(2020, 2, 29, 12, tzinfo=UTC),
)
IDS = ("", "a", "b", "é x")


def recorded_events(random: Random, classes: Sequence[type], count: int) -> list[Recorded[Any]]:
    return [_recorded(random, random.choice(classes), position) for position in range(1, count + 1)]


def log_row(definitions: Definitions, recorded: Recorded[Any]) -> Sequence[Any]:
    """Return an event as the log gives it to rules, but for its bytes."""
    beside = [
        recorded.recorded_at if name == "recorded_at" else getattr(recorded.context, name)
        for name in definitions.further
    ]
    name = definitions.codec.names[type(recorded.event)]
    return (recorded.position, recorded.version, recorded.stream, name, b"", *beside)


def _recorded(random: Random, event: type, position: int) -> Recorded[Any]:
    texts = {name: random.choice(IDS) for name in ("acting_id", "organisation_id", "mandate_id", "activity")}
    return Recorded(
        position=position,
        stream=f"some-{random.choice('xyz')}",
        version=random.randrange(1, 4),
        event=_value(random, event),
        context=Context(effective_at=_instant(random), **texts),
        recorded_at=_instant(random),
    )


def _instant(random: Random) -> datetime:
    near = timedelta(hours=random.choice((-1, 0, 0, 1)), microseconds=random.choice((-1, 0, 0, 1)))
    return random.choice(CLOCKS) + timedelta(weeks=random.choice((-6, -3, 0, 3, 6))) + near


def _value(random: Random, annotation: Any) -> Any:
    annotation = plain(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return _value(random, random.choice([it for it in get_args(annotation) if it is not NoneType] + [NoneType]))
    if origin is tuple:
        return tuple(_value(random, get_args(annotation)[0]) for _ in range(random.choice((0, 1, 1, 2, 3))))
    if annotation is NoneType:
        return None
    if is_dataclass(annotation):
        assert isinstance(annotation, type)
        return annotation(**{name: _value(random, hint) for name, hint in get_type_hints(annotation).items()})
    if issubclass(annotation, Enum):
        return random.choice(list(annotation))
    kinds: dict[type, Any] = {
        str: random.choice(IDS),
        bool: random.random() < 0.5,
        int: random.choice((0, 1, 2, 3, -5, 2**53 + 1)),
        datetime: _instant(random),
        date: _instant(random).date(),
        Decimal: random.choice((Decimal(0), Decimal("1.50"), Decimal("-1E+20"))),
    }
    return kinds[annotation]
