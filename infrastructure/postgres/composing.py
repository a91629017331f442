"""Parts of SQL statements that are composed in several places."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql


def commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def names(columns: Iterable[str], of: str = "") -> sql.Composed:
    """Return the names of columns, separated by commas; with `of`, behind the name of their table."""
    return commas(sql.Identifier(of, column) if of else sql.Identifier(column) for column in columns)


def same(columns: Iterable[str], left: str, right: str) -> sql.Composed:
    """Return the condition that the columns of two tables are equal."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, column), sql.Identifier(right, column)) for column in columns
    )
