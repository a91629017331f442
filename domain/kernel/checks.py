"""Checks values against their declared kinds, and gives them the one spelling that is kept.

What there is to check of a class is found out once, from its annotations.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from domain.kernel.kinds import Check, Hint, kinds_of, plain_type
from domain.kernel.refusals import ValueRefusal

CheckAt = Callable[[Any, datetime], None]

# --- Checking -------------------------------------------------------------------------------------------------------

_FRAME = frozenset({"at", "by"})
"""Fields of a command that no caller says: the instant and the caller's organisation."""


def check(value: object, at: datetime) -> None:
    """Refuse a command, an event or a value of which a field is not of its kind.

    A class may say more in `check_whole(self, at)`: what its fields have to be together, at the instant when it counts.
    """
    for name, check_field in checks_of(type(value)):
        try:
            check_field(getattr(value, name), at)
        except ValueRefusal as refusal:
            refusal.place = (name, *refusal.place)
            raise
    if (check_whole := getattr(value, "check_whole", None)) is not None:
        check_whole(at)


_CHECKS: dict[type, Sequence[tuple[str, CheckAt]]] = {}
"""Of the classes that were checked; there are as many as there are commands, events and values."""


def checks_of(cls: type) -> Sequence[tuple[str, CheckAt]]:
    """Return the checks of a class by field; a field without a kind is a mistake of whoever declared it."""
    if (known := _CHECKS.get(cls)) is not None:
        return known
    checks: list[tuple[str, CheckAt]] = []
    for field, hint in _said(cls):
        made = _check_of(field.name, hint)
        if made is not None:
            checks.append((field.name, _unless_empty(made) if field.default == "" else made))
    _CHECKS[cls] = checks
    return checks


def _said(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Hint]]:
    """Yield the fields that a caller or an event says: neither the frame of a command nor its facts."""
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        if field.name not in _FRAME and not field.metadata.get("fact"):
            yield field, hints[field.name]


def _check_of(name: str, hint: Hint) -> CheckAt | None:
    plain = plain_type(hint)
    origin: object = get_origin(plain)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(plain) if part is not types.NoneType)
        return _unless_none(_check_of(name, inner))
    own = [kind.check for kind in kinds_of(name, hint)]
    if origin is tuple:
        return _of_items(own, _check_of(name.removesuffix("s"), get_args(plain)[0]))
    if dataclasses.is_dataclass(plain):
        return check
    if not own:
        assert plain is bool or issubclass(plain, Enum), f"{name} is of a type that has no kinds: {plain}"
        return None
    return _of_value(own)


def _of_value(own: Sequence[Check]) -> CheckAt:
    if len(own) == 1:
        (only,) = own
        return lambda value, _at: only(value)

    def check_value(value: object, _at: datetime) -> None:
        for check_kind in own:
            check_kind(value)

    return check_value


def _unless_none(check_value: CheckAt | None) -> CheckAt | None:
    if check_value is None:
        return None
    return lambda value, at: None if value is None else check_value(value, at)


def _unless_empty(check_value: CheckAt) -> CheckAt:
    return lambda value, at: None if value == "" else check_value(value, at)


def _of_items(own: Sequence[Check], check_item: CheckAt | None) -> CheckAt:
    def check_items(items: Sequence[Any], at: datetime) -> None:
        for check_list in own:
            check_list(items)
        if check_item is None:
            return
        for number, item in enumerate(items):
            try:
                check_item(item, at)
            except ValueRefusal as refusal:
                refusal.place = (number, *refusal.place)
                raise

    return check_items


# --- Spelling -------------------------------------------------------------------------------------------------------

Spell = Callable[[Any], Any]
V = TypeVar("V")

_SPELLERS: dict[type, Sequence[tuple[str, Spell]]] = {}


def spelt(value: V) -> V:
    """Return a command, an event or a value in the one spelling that is kept: instants in UTC, digests in base64url."""
    found = _spellers(type(value))
    if not found:
        return value
    dataclass_value: Any = value
    return cast(V, replace(dataclass_value, **{name: spell(getattr(value, name)) for name, spell in found}))


def _spellers(cls: type) -> Sequence[tuple[str, Spell]]:
    if (known := _SPELLERS.get(cls)) is not None:
        return known
    made = [(field.name, _speller(field.name, hint)) for field, hint in _said(cls)]
    _SPELLERS[cls] = [(name, spell) for name, spell in made if spell is not None]
    return _SPELLERS[cls]


def _speller(name: str, hint: Hint) -> Spell | None:
    plain = plain_type(hint)
    origin: object = get_origin(plain)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(plain) if part is not types.NoneType)
        spell = _speller(name, inner)
        return None if spell is None else _unless_none_spelt(spell)
    if origin is tuple:
        spell = _speller(name.removesuffix("s"), get_args(plain)[0])
        return None if spell is None else _each_spelt(spell)
    if dataclasses.is_dataclass(plain):
        return spelt if isinstance(plain, type) and _spellers(plain) else None
    if plain is datetime:
        return lambda instant: instant.astimezone(UTC)
    return next((kind.spell for kind in kinds_of(name, hint) if kind.spell is not None), None)


def _unless_none_spelt(spell: Spell) -> Spell:
    return lambda value: None if value is None else spell(value)


def _each_spelt(spell: Spell) -> Spell:
    return lambda items: tuple(map(spell, items))
