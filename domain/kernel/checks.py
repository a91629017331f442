"""Checks values against their declared kinds, and gives them the one spelling that is kept.

What there is to check and to spell in a class is found out once, from its annotations.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.kernel.kinds import Check, Hint, Spell, kinds_of, plain_type
from domain.kernel.refusals import ValueRefusal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

V = TypeVar("V", bound="DataclassInstance")

_FRAME = frozenset({"at", "by"})
"""Fields of a command that no caller gives: the instant and the caller's organisation."""


def check(value: object, at: datetime) -> None:
    """Refuse a command or an event of which a field is not of its kind; raises ValueRefusal.

    A class may add `check_whole(self, at)`: what its fields have to be together, at the instant when it counts. In the
    class of a value within it, that is `check_whole(self)`.
    """
    if (check_whole := _check_fields(value)) is not None:
        check_whole(value, at)


def _check_within(value: object) -> None:
    if (check_whole := _check_fields(value)) is not None:
        check_whole(value)


def _check_fields(value: object) -> Callable[..., None] | None:
    """Check each field of a value; return the check of the whole, if its class has one."""
    cls: type = type(value)
    treatment = treatment_of(cls)
    for name, check_field in treatment.checks:
        try:
            check_field(getattr(value, name))
        except ValueRefusal as refusal:
            refusal.place = (name, *refusal.place)
            raise
    return treatment.check_whole


def spelt(value: V) -> V:
    """Return a command, an event or a value in the one spelling that is kept: instants in UTC, digests in base64url."""
    spellers = treatment_of(type(value)).spellers
    if not spellers:
        return value
    return dataclasses.replace(value, **{name: spell(getattr(value, name)) for name, spell in spellers})


# --- What there is to do, by class and by field ---------------------------------------------------------------------


class _Class(NamedTuple):
    """What there is to check and to spell in the fields of a class."""

    checks: Sequence[tuple[str, Check]]
    spellers: Sequence[tuple[str, Spell]]
    check_whole: Callable[..., None] | None


class _Field(NamedTuple):
    check: Check | None
    spell: Spell | None


@cache
def treatment_of(cls: type) -> _Class:
    """Read the fields that a caller or an event gives: neither the frame of a command nor its facts.

    A field without a kind is a mistake of its author; raises AssertionError.
    """
    hints = get_type_hints(cls, include_extras=True)
    checks: list[tuple[str, Check]] = []
    spellers: list[tuple[str, Spell]] = []
    for field in dataclasses.fields(cls):
        if field.name in _FRAME or field.metadata.get("fact"):
            continue
        check_field, spell = _of_field(field.name, hints[field.name])
        if check_field is not None:
            checks.append((field.name, _unless("", check_field) if field.default == "" else check_field))
        if spell is not None:
            spellers.append((field.name, spell))
    return _Class(checks, spellers, getattr(cls, "check_whole", None))


def _of_field(name: str, hint: Hint) -> _Field:
    plain = plain_type(hint)
    origin: object = get_origin(plain)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(plain) if part is not types.NoneType)
        return _or_none(_of_field(name, inner))
    kinds = kinds_of(name, hint)
    if origin is tuple:
        return _of_items([kind.check for kind in kinds], _of_field(name.removesuffix("s"), get_args(plain)[0]))
    if dataclasses.is_dataclass(plain):
        return _Field(_check_within, spelt if isinstance(plain, type) and treatment_of(plain).spellers else None)
    if not kinds:
        assert plain is bool or issubclass(plain, Enum), f"{name} is of a type that has no kinds: {plain}"
        return _Field(None, None)
    return _Field(_of_value([kind.check for kind in kinds]), next((kind.spell for kind in kinds if kind.spell), None))


def _or_none(inner: _Field) -> _Field:
    spell = inner.spell
    return _Field(
        inner.check and _unless(None, inner.check),
        None if spell is None else lambda value: None if value is None else spell(value),
    )


def _unless(nothing: str | None, check_value: Check) -> Check:
    return lambda value: None if value == nothing else check_value(value)


def _of_value(own: Sequence[Check]) -> Check:
    if len(own) == 1:
        return own[0]

    def check_value(value: object) -> None:
        for check_kind in own:
            check_kind(value)

    return check_value


def _of_items(own: Sequence[Check], item: _Field) -> _Field:
    check_item, spell = item

    def check_items(items: Sequence[object]) -> None:
        for check_list in own:
            check_list(items)
        if check_item is None:
            return
        for number, each in enumerate(items):
            try:
                check_item(each)
            except ValueRefusal as refusal:
                refusal.place = (number, *refusal.place)
                raise

    return _Field(check_items, None if spell is None else lambda items: tuple(map(spell, items)))
