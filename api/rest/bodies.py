"""From a command class to the body that a caller sends, and back: a model made from the command's own fields."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)
from pydantic.alias_generators import to_camel

from api.rest.command_route import CommandRoute
from api.web.validators import reading
from domain.kernel import Command
from domain.kernel.instants import read_day, read_instant
from domain.kernel.kinds import (
    MAX_INTEGER,
    MAX_ITEMS,
    MAX_TEXT_LENGTH,
    Hint,
    check_no_control_character,
    kinds_of,
    plain_type,
)

FRAME = frozenset({"at", "by"})
"""What the door fills in itself: the instant and the caller's organisation."""

_READERS: Mapping[Any, Callable[[object], Any]] = {datetime: read_instant, date: read_day}


def body_model(route: CommandRoute) -> type[BaseModel]:
    """Make the model of a command's body: the command without its frame, facts, path ids and created id."""
    hidden = FRAME | path_fields(route.path) | {route.creates}
    return _model(route.command, hidden)


def path_fields(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"{(\w+)}", path))


def build(command: type[Command], body: BaseModel, frame: Mapping[str, Any]) -> Command:
    """Make the command from a validated body and what the door knows."""
    return command(**_values(command, body), **frame)


# --- From a dataclass to a model ------------------------------------------------------------------------------------


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


def _model(cls: type, hidden: frozenset[str] = frozenset()) -> type[_Body]:
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in hidden or field.metadata.get("fact"):
            continue
        annotation = _annotation(field.name, hints[field.name], may_be_empty=field.default == "")
        fields[field.name] = (annotation, ... if field.default is dataclasses.MISSING else field.default)
    return create_model(cls.__name__, __base__=_Body, __doc__=_said_of(cls), **fields)


def _said_of(cls: type) -> str:
    """Return what was written of a command; a dataclass of which nothing was has its Python signature there."""
    written = cls.__doc__ or ""
    return "" if written.startswith(f"{cls.__name__}(") else written


def _annotation(name: str, hint: Hint, *, may_be_empty: bool = False) -> Hint:
    """Make a field of a body: the form of its type, and its kind as far as only malformed values break it.

    Whether a well-formed value can be right is decided by the command's rule; here it is only described.
    """
    plain = plain_type(hint)
    origin: object = get_origin(plain)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(plain) if part is not types.NoneType)
        return _annotation(name, inner) | None
    kinds = kinds_of(name, hint)
    described: dict[str, Any] = {}
    for kind in kinds:
        described |= kind.schema
    if may_be_empty and "pattern" in described:
        described["pattern"] = f"^$|{described['pattern']}"
    checks = [AfterValidator(reading(kind.check)) for kind in kinds if kind.malformed and plain not in _READERS]
    spelt = [AfterValidator(kind.spell) for kind in kinds if kind.spell is not None]
    form, bounds = _form(name, plain, bounded=not checks)
    unless_empty = [WrapValidator(_unless_empty)] if may_be_empty and checks else []
    made: Hint = Annotated[form, Field(**bounds, json_schema_extra=described or None)]
    for validator in (*checks, *spelt, *unless_empty):
        made = Annotated[made, validator]
    return made


def _form(name: str, plain: Hint, *, bounded: bool) -> tuple[Hint, dict[str, Any]]:
    """Return how a type stands in a body, and its bounds."""
    if plain in _READERS:
        return Annotated[plain, BeforeValidator(reading(_READERS[plain]))], {}
    if dataclasses.is_dataclass(plain) and isinstance(plain, type):
        return _model(plain), {}
    origin: object = get_origin(plain)
    if origin is tuple:
        item = _annotation(name.removesuffix("s"), get_args(plain)[0])
        return types.GenericAlias(tuple, (item, ...)), {"max_length": MAX_ITEMS}
    if plain is int:
        return int, {"ge": -MAX_INTEGER, "le": MAX_INTEGER}
    if plain is str and bounded:
        return Annotated[str, AfterValidator(reading(check_no_control_character))], {"max_length": MAX_TEXT_LENGTH}
    return plain, {}


def _unless_empty(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    return value if value == "" else validate(value)


def _values(cls: type, body: BaseModel) -> dict[str, Any]:
    values = dict(vars(body))
    for name, hint in _nested(cls).items():
        if name in values:
            values[name] = _plain(values[name], hint)
    return values


@cache
def _nested(cls: type) -> Mapping[str, Any]:
    """Return the fields that hold dataclasses of the domain; all others are in a body as they are in the command."""
    return {name: hint for name, hint in _hints(cls).items() if _holds_dataclass(hint)}


def _holds_dataclass(hint: Any) -> bool:  # noqa: ANN401 - annotations are of any kind
    return dataclasses.is_dataclass(hint) or any(map(_holds_dataclass, get_args(hint)))


def _plain(value: Any, hint: Any) -> Any:  # noqa: ANN401 - any field of any command
    """Turn nested models back into the domain's own dataclasses."""
    if isinstance(value, tuple):
        return tuple(_plain(item, get_args(hint)[0]) for item in value)
    if isinstance(value, _Body):
        cls: Any = next(part for part in (hint, *get_args(hint)) if dataclasses.is_dataclass(part))
        return cls(**_values(cls, value))
    return value


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls)
