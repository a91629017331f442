"""Projections that only count, as SQL: one statement over the typed columns of the log gives all their rows at once.

The payloads are never opened. The rows equal those that the same rules make event by event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, assert_never

from psycopg import sql

from infrastructure.postgres.composing import commas
from projections.read_model import ReadModel
from projections.tally import Constant, Measure, Part, StoredName, Tally, Typed, tallies
from projections.words import CIVIL_TIME

_CIVIL = sql.SQL("effective_at AT TIME ZONE {}").format(sql.Literal(CIVIL_TIME.key))


def tallied_rows(projection: ReadModel, names: Mapping[type, str], source: sql.Composable) -> sql.Composed:
    """Compose the query that gives the rows of a projection from a table with the columns of `log.event`.

    The columns are those of the projection's table, in their order. The query takes two parameters, the positions
    after which and until which events count: `after < position <= until`. Rows of several ranges can be added up.
    `names` are the stored names of the event classes. Raises TypeError where a rule is not data.
    """
    rules = {names[event]: tally for event, tally in tallies(projection).items()}
    _check_names(rules.values(), names)
    keys = [column.name for column in projection.table.columns if column.primary_key]
    others = [column.name for column in projection.table.columns if not column.primary_key]
    parts = [_one_of({name: tally.key[at] for name, tally in rules.items()}) for at in range(len(keys))]
    counts = [
        _count({name: tally.amounts[column] for name, tally in rules.items() if column in tally.amounts}, len(rules))
        for column in others
    ]
    return sql.SQL(
        "SELECT {columns} FROM {source} WHERE {named} AND position > %s AND position <= %s GROUP BY {keys}"
    ).format(
        columns=commas(
            sql.SQL("{} AS {}").format(value, sql.Identifier(column))
            for column, value in zip([*keys, *others], [*parts, *counts], strict=True)
        ),
        source=source,
        named=_named(rules),
        keys=commas(sql.SQL(str(at)) for at in range(1, len(keys) + 1)),
    )


def _check_names(rules: Iterable[Tally], names: Mapping[type, str]) -> None:
    """Refuse a key whose names of events are not those of the log."""
    for part in {id(part): part for tally in rules for part in tally.key}.values():
        if isinstance(part, StoredName):
            wrong = sorted(name for event, name in part.names.items() if names.get(event) != name)
            if wrong:
                raise ValueError(f"no events are stored as {wrong}")


# --- Keys -----------------------------------------------------------------------------------------------------------


def _one_of(parts: Mapping[str, Part]) -> sql.Composable:
    """Express a column of the key, which may differ from one event name to the other."""
    groups = _grouped(parts)
    if len(groups) == 1:
        return _key(groups[0][0])
    cases = sql.SQL(" ").join(sql.SQL("WHEN {} THEN {}").format(_named(names), _key(part)) for part, names in groups)
    return sql.SQL("CASE {} END").format(cases)


def _key(part: Part) -> sql.Composable:
    match part:
        case Typed.CIVIL_DAY:
            return sql.SQL("({})::date").format(_CIVIL)
        case Typed.CIVIL_MONTH:
            return sql.SQL("to_char({}, 'YYYY-MM')").format(_CIVIL)
        case Typed.ORGANISATION:
            return sql.Identifier("organisation_id")
        case Typed.ACTIVITY:
            return sql.Identifier("activity")
        case StoredName():
            return sql.Identifier("name")
        case Constant(value=value):
            # The query has parameters: a sign of theirs that is none of them is written twice.
            return sql.SQL("{}::text").format(sql.Literal(value.replace("%", "%%")))
        case _:
            assert_never(part)


# --- Counts ---------------------------------------------------------------------------------------------------------


def _count(measures: Mapping[str, Measure], names_in_all: int) -> sql.Composable:
    """Express a number column. Names of events that do not count in it are left out; without any it is 0."""
    counts = []
    for measure, names in _grouped(measures):
        conditions = [
            *([sql.SQL("version = 1")] if measure is Measure.STREAMS else []),
            *([_named(names)] if len(names) < names_in_all else []),
        ]
        only = sql.SQL(" FILTER (WHERE {})").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL("")
        counts.append(sql.SQL("count(*)") + only)
    return sql.SQL(" + ").join(counts) if counts else sql.SQL("0::bigint")


# --- Helpers --------------------------------------------------------------------------------------------------------

T = TypeVar("T")


def _grouped(by_name: Mapping[str, T]) -> Sequence[tuple[T, Sequence[str]]]:
    """Bring together the names that have the same value. Values are compared only: a definition may hold a dict."""
    groups: list[tuple[T, list[str]]] = []
    for name, value in by_name.items():
        for known, names in groups:
            if known == value:
                names.append(name)
                break
        else:
            groups.append((value, [name]))
    return groups


def _named(names: Iterable[str]) -> sql.Composed:
    return sql.SQL("name = ANY ({}::text[])").format(sql.Literal(sorted(names)))
