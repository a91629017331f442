"""Projections that only count, as SQL: one statement over the typed columns of the log gives all their rows at once.

The payloads are never opened. The rows equal those that the same rule makes event by event.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from infrastructure.postgres.composing import commas
from projections.read_model import ReadModel
from projections.tally import Measure, Typed, tally_of
from projections.words import CIVIL_TIME

_KEYS: Mapping[Typed, sql.Composable] = {
    Typed.CIVIL_DAY: sql.SQL("(effective_at AT TIME ZONE {})::date").format(sql.Literal(CIVIL_TIME.key)),
    Typed.NAME: sql.Identifier("name"),
    Typed.ORGANISATION: sql.Identifier("organisation_id"),
}
_COUNTS: Mapping[Measure, sql.Composable] = {
    Measure.EVENTS: sql.SQL("count(*)"),
    Measure.STREAMS: sql.SQL("count(*) FILTER (WHERE version = 1)"),
}


def tallied_rows(projection: ReadModel, names: Mapping[type, str], source: sql.Composable) -> sql.Composed:
    """Compose the query that gives the rows of a projection from a table with the columns of `log.event`.

    The columns are those of the projection's table, in their order. The query takes two parameters, the positions
    after which and until which events count: `after < position <= until`. Rows of several ranges can be added up.
    `names` are the stored names of the event classes. Raises TypeError where the rules are not one tally, ValueError
    where it has other names.
    """
    tally, row = tally_of(projection), projection.row
    if wrong := sorted(name for event, name in tally.names.items() if names.get(event) != name):
        raise ValueError(f"no events are stored as {wrong}")
    columns = dict(zip(row.__keys__, map(_KEYS.__getitem__, tally.key), strict=True))
    columns |= {column: _COUNTS[tally.amounts[column]] for column in row.__others__}
    return sql.SQL(
        "SELECT {columns} FROM {source} WHERE name = ANY ({names}::text[]) AND position > %s AND position <= %s "
        "GROUP BY {keys}"
    ).format(
        columns=commas(sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns.items()),
        source=source,
        names=sql.Literal(sorted(names[event] for event in projection.rules)),
        keys=commas(sql.SQL(str(at)) for at in range(1, len(row.__keys__) + 1)),
    )
