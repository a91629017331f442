"""Readers of values as pydantic's validators, for bodies and for the parameters of an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from domain.kernel import ValueRefusal
from domain.kernel.instants import read_instant
from domain.kernel.kinds import read_whole

T = TypeVar("T")


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
