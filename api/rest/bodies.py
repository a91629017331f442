"""From a command class to the body that a caller sends, and back: a model made from the command's own fields."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError
from stdnum.be import bis, nn, vat
from stdnum.nl import bsn

from api.rest.command_route import CommandRoute
from domain.kernel import Command, EnterpriseNumber, NationalNumber

MAX_TEXT_LENGTH = 4_000
MAX_ITEMS = 200
MAX_INTEGER = 2**53 - 1
"""Beyond it, JSON numbers are not the same everywhere (RFC 8259, section 6)."""

YEARS = range(1900, 9999)
"""What a date or an instant may say: no year in which a time zone or a sum of days could leave the calendar."""

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$"
"""No dot: it joins the two ids of a composite one (`person.provider`), so that no id can pretend to be two."""

_ID_FIELDS = frozenset({"in_reply_to", "on_behalf_of", "service_family"})
"""Fields that name an aggregate although they do not end in `_id`."""

_CODE_FIELDS = frozenset({"rule_id"})
"""Fields that end in `_id` and name no aggregate: ids of rules are codes of their rule set, with dots and colons."""

FRAME = frozenset({"at", "by"})
"""What the door fills in itself: the instant and the caller's organisation."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DAY.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})")
_KVK_LENGTH, _OIN_LENGTH = 8, 20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


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
    hints = _hints(cls)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in hidden or field.metadata.get("fact"):
            continue
        required = field.default is dataclasses.MISSING
        annotation = _annotation(field.name, hints[field.name], required=required)
        fields[field.name] = (annotation, ... if required else field.default)
    return create_model(cls.__name__, __base__=_Body, __doc__=_said_of(cls), **fields)


def _said_of(cls: type) -> str:
    """Return what was written of a command; a dataclass of which nothing was has its Python signature there."""
    written = cls.__doc__ or ""
    return "" if written.startswith(f"{cls.__name__}(") else written


def _annotation(name: str, hint: Any, *, required: bool = True) -> Any:  # noqa: ANN401 - annotations are of any kind
    if hint is str and (name.endswith("_id") or name in _ID_FIELDS) and name not in _CODE_FIELDS:
        return _IDENTIFIER if required else _IDENTIFIER_OR_NONE
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _model(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return Union[tuple(_annotation(name, part) for part in get_args(hint))]  # noqa: UP007 - made at run time
    if get_origin(hint) is tuple:
        item = _annotation(name.removesuffix("s"), get_args(hint)[0])
        return Annotated[tuple[item, ...], Field(max_length=MAX_ITEMS)]  # type: ignore[valid-type]  # made at run time
    return _BY_TYPE.get(hint, hint)


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


# --- Values ---------------------------------------------------------------------------------------------------------


def _no_control_characters(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control-character", "The text contains a control character.")
    return text


def _rfc3339(pattern: re.Pattern[str], parse: Callable[[str], date]) -> BeforeValidator:
    """Read a date or an instant as RFC 3339 writes it only: the model's own parser also takes seconds since 1970."""

    def read(value: Any) -> Any:  # noqa: ANN401 - anything may stand in a body
        if not isinstance(value, str):
            return value
        try:
            return parse(value if pattern.fullmatch(value) else "")
        except ValueError as error:
            raise PydanticCustomError(
                "not-rfc3339", "This is not a date or an instant as RFC 3339 writes it."
            ) from error

    return BeforeValidator(read)


def _in_calendar(day: date) -> date:
    if day.year not in YEARS:
        raise PydanticCustomError("out-of-range", "The year is not one that can be right.")
    return day


def _in_utc(instant: datetime) -> datetime:
    """Give the instant in UTC, whatever offset it was written with: one spelling in the log."""
    _in_calendar(instant)
    return instant.astimezone(UTC)


_IDENTIFIER = Annotated[str, Field(pattern=ID_PATTERN)]
_IDENTIFIER_OR_NONE = Annotated[str, Field(pattern=rf"{ID_PATTERN}|^$")]


def national_number(number: str) -> str:
    """Verify the check digits of a Belgian national or bis number, or of a Dutch BSN."""
    if not _digits_of_one(number, nn.is_valid, bis.is_valid, bsn.is_valid):
        raise PydanticCustomError("invalid-check-digits", "This is not a valid national, bis or service number.")
    return number


def enterprise_number(number: str) -> str:
    """Verify the check digits of a Belgian enterprise number; Dutch KvK numbers and OINs have none."""
    without_check = number.isdecimal() and len(number) in (_KVK_LENGTH, _OIN_LENGTH)
    if not without_check and not _digits_of_one(number, vat.is_valid):
        raise PydanticCustomError("invalid-check-digits", "This is not a valid enterprise number.")
    return number


def _digits_of_one(number: str, *checks: Callable[[str], bool]) -> bool:
    # The library also accepts separators and prefixes; a stored number has one spelling only.
    return number.isascii() and number.isdecimal() and any(check(number) for check in checks)


_BY_TYPE: Mapping[Any, Any] = {
    str: Annotated[str, Field(max_length=MAX_TEXT_LENGTH), AfterValidator(_no_control_characters)],
    int: Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)],
    NationalNumber: Annotated[str, AfterValidator(national_number)],
    EnterpriseNumber: Annotated[str, AfterValidator(enterprise_number)],
    datetime: Annotated[AwareDatetime, _rfc3339(_INSTANT, datetime.fromisoformat), AfterValidator(_in_utc)],
    date: Annotated[date, _rfc3339(_DAY, date.fromisoformat), AfterValidator(_in_calendar)],
}
