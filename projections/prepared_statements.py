"""Statements that doors have made ahead, with their values: how rows are read without a query builder on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from projections.row_security import Viewer

Cells: TypeAlias = tuple[bytes | None, ...]
"""A row as PostgreSQL writes it: the text of each column in UTF-8, None for NULL."""


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """One SELECT with its parameters as `$1`, `$2` ... in UTF-8; it is known by this text.

    With `generic`, PostgreSQL plans it once whatever the values are; else it decides for itself. `tables` are the names
    of all tables of read models that it reads, also those through which a row is seen.
    """

    text: bytes
    generic: bool
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement with its values: the text of each, without zero characters, or None for NULL."""

    statement: PreparedStatement
    values: Sequence[bytes | None]


class StatementFailedError(Exception):
    """PostgreSQL did not answer: the SQLSTATE that it gave, or 08006 where the connection was lost."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


ReadStatements: TypeAlias = Callable[[str, Viewer, Sequence[BoundStatement]], Awaitable[Sequence[Sequence[Cells]]]]
"""Read rows for an organisation's request as a viewer sees them: the rows of each statement, all of one snapshot.

Raises StatementFailedError, and BusyError of `application.fair_turns` where too many read at once.
"""
