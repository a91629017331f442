"""Readers of values as pydantic's validators, for bodies and for the parameters of an address; and what they find."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BeforeValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from api.web.errors import Issue
from domain.kernel import ValueRefusal
from domain.kernel.instants import read_instant
from domain.kernel.kinds import read_whole

MAX_ISSUES = 20
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
T = TypeVar("T")


def issues_of(errors: Sequence[ErrorDetails]) -> Sequence[Issue]:
    """Return the faults that pydantic found, as far as a problem names them."""
    return [
        Issue(_pointer(found["loc"]), found["type"].replace("_", "-"), found["msg"]) for found in errors[:MAX_ISSUES]
    ]


def _pointer(place: tuple[int | str, ...]) -> str:
    # The caller chose the name of an unknown field: it is repeated only if it can be a name.
    return "".join(f"/{part}" if isinstance(part, int) or _FIELD_NAME.fullmatch(part) else "/?" for part in place)


def reading(read: Callable[[T], object]) -> Callable[[T], object]:
    """Make a validator of a reader, or of a check, which returns nothing."""

    def validate(value: T) -> object:
        try:
            found = read(value)
        except ValueRefusal as refusal:
            raise PydanticCustomError(refusal.code, refusal.sentence) from refusal
        return value if found is None else found

    return validate


QueryInstant = Annotated[datetime, BeforeValidator(reading(read_instant))]
"""An instant in the address of a request."""

WHOLE = BeforeValidator(reading(read_whole))
"""Beside `int`: a whole number in the address of a request."""
