"""Bodies of commands: a model made from the fields of a command class, and the command made from a body."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

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
"""The fields that the door fills in itself: the instant and the caller's organisation."""

_READERS: Mapping[object, Callable[[object], object]] = {datetime: read_instant, date: read_day}


def body_model(route: CommandRoute) -> type[BaseModel]:
    """Make the model of a command's body: the command without its frame, facts, path ids and created id."""
    hidden = FRAME | path_fields(route.path) | {route.creates}
    return _model(route.command, hidden)


def path_fields(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"{(\w+)}", path))


def build(command: type[Command], body: BaseModel, frame: Mapping[str, object]) -> Command:
    """Make the command from a validated body and the fields that the door fills in."""
    return command(**_values(body), **frame)


# --- From a dataclass to a model ------------------------------------------------------------------------------------


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)
    MADE_FROM: ClassVar[Callable[..., object]]


def _model(cls: type, hidden: frozenset[str] = frozenset()) -> type[_Body]:
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in hidden or field.metadata.get("fact"):
            continue
        annotation = _annotation(field.name, hints[field.name], may_be_empty=field.default == "")
        fields[field.name] = (annotation, ... if field.default is dataclasses.MISSING else field.default)
    # A dataclass without a docstring has its Python signature there.
    about = "" if (cls.__doc__ or "").startswith(f"{cls.__name__}(") else cls.__doc__
    model = create_model(cls.__name__, __base__=_Body, __doc__=about, **fields)
    model.MADE_FROM = cls
    return model


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
    """Return the form of a type in a body, and its bounds."""
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


# --- From a model to a dataclass ------------------------------------------------------------------------------------


def _values(body: BaseModel) -> dict[str, Any]:
    """Return the values of a body, with dataclasses of the domain in place of the models made from them."""
    return {name: _plain(value) for name, value in vars(body).items()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.MADE_FROM(**_values(value)) if isinstance(value, _Body) else value
