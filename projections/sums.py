"""Sums of columns of counts."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, cast, func
from sqlalchemy.sql.elements import SQLCoreOperations


def total(numbers: SQLCoreOperations[int]) -> ColumnElement[int]:
    """Sum whole numbers; nothing to sum gives 0."""
    # PostgreSQL adds bigints up to a numeric; a count is an integer.
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)
