"""A page costs the same for every agency: PostgreSQL reads about as many rows as it holds, on tables of any size.

`--long` runs it on ten times as many rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import ARRAY, Column, Select
from sqlalchemy.dialects import postgresql

from api.graph.queries.connections import PageRequest, page_query
from api.graph.queries.cursors import CursorOrder
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import SCHEMA, ReadModel
from projections.registry import PROJECTIONS
from projections.row_security import INDEXED_ELEMENTS, Viewer
from tests.infrastructure.as_roles import addresses_of
from tests.infrastructure.viewed import Connection, tell
from tests.lengths import runs_longer, sized

ROWS, MANY_ROWS = 200_000, 2_000_000
PAGE = 50
MAX_READ = 10 * PAGE
MODES = ("force_custom_plan", "force_generic_plan")

# One in two rows is of the largest agency, one of the smallest, the others of two hundred more.
OF_AGENCY = "(CASE WHEN {n} = {half} THEN 'small' WHEN {n} % 2 = 0 THEN 'large' ELSE 'org-' || {n} % 200 END)"
RARELY = "(CASE WHEN n % 20 = 0 THEN {} ELSE '' END)"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("sender_id", "provider_id", "source_id", "buyer_id", "organisation_id"), "{agency}"),
    **dict.fromkeys(("target_id", "received_from"), "{other_agency}"),
    **dict.fromkeys(("on_behalf_of", "enterprise_id", "enterprise_provider_id", "mandatary_id"), "{rarely}"),
    "supplier_number": "'number-' || {other_agency}",
    **dict.fromkeys(("person_id", "subject_id"), "'person-' || n / 10"),
    "mailbox_id": "'person-' || n / 10",
    "provider_ids": "ARRAY[{agency}]",
    "organisation_ids": "CASE WHEN n % 1000 = 1 THEN ARRAY['a', 'b', 'c', 'd', {other_agency}]"
    " WHEN n % 1000 = 2 THEN ARRAY['a', {agency}]"
    f" WHEN n % 20000 = 3 THEN array_fill('a'::text, ARRAY[{INDEXED_ELEMENTS}]) || {{other_agency}}"
    " ELSE ARRAY[{agency}] END",
    "status": "'published'",
    "notification": "CASE WHEN n % 10 < 3 THEN 'failed' ELSE 'notified' END",
    "latest": "n % 10 <> 0",
}
"""What columns hold, by the number `n` of a row; the others are usual values."""

USUAL = {str: "'{name}-' || n", int: "n", bool: "false", list: "ARRAY[]::text[]"}
LISTS = [(model, order) for model in PROJECTIONS for order in model.lists]


def values(model: ReadModel, rows: int) -> Iterator[str]:
    names = {
        "agency": OF_AGENCY.format(n="n", half=rows // 2),
        "other_agency": OF_AGENCY.format(n="(n / 3)", half=rows // 9),
    }
    names["rarely"] = RARELY.format(OF_AGENCY.format(n="(n / 20)", half=rows // 40))
    for name, column in model.row.__columns__.items():
        # The key tells each row from each other.
        of = f"'{name}-' || n" if column.is_key and column.column.type.python_type is str else COLUMNS.get(name, "")
        yield (of or _usual(column.column)).format(name=name, **names)


def _usual(column: Column[Any]) -> str:
    if isinstance(column.type, ARRAY):
        return USUAL[list]
    return USUAL.get(column.type.python_type, "'2022-01-01'::timestamptz + n * interval '1 second'")


pytestmark = runs_longer


@pytest.fixture(scope="module")
def rows() -> int:
    return sized(ROWS, long=MANY_ROWS)


@pytest.fixture(scope="module")
def reader(postgres: EmbeddedPostgres, module_database_url: str, rows: int) -> Iterator[Connection]:
    """A reader of tables as the projector makes them, full of rows."""
    addresses = addresses_of(postgres, module_database_url)
    with psycopg.connect(addresses.projector, autocommit=True) as connection:
        for model in PROJECTIONS:
            if model.lists:
                fill(connection, model, rows)
    with psycopg.connect(addresses.reader, autocommit=True) as connection:
        yield connection


def fill(connection: Connection, model: ReadModel, rows: int) -> None:
    table = ReadTable(model.table)
    table.create_bare(connection)
    # Nobody has to find these rows again after a crash.
    connection.execute(sql.SQL("ALTER TABLE {} SET UNLOGGED").format(table.target))
    insert = sql.SQL("INSERT INTO {} SELECT {} FROM generate_series(1, {}) AS n").format(
        table.target, sql.SQL(", ").join(map(sql.SQL, values(model, rows))), sql.Literal(rows)
    )
    connection.execute(insert)
    table.add_indexes(connection)
    connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(SCHEMA, model.table.name)))
    table.put_in_use(connection)


# --- Reading plans --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What the plan of a query says of its execution."""

    found: int
    rows_read: int
    plan: str


def explain(reader: Connection, query: Select[Any], viewer: Viewer, mode: str) -> Read:
    compiled = query.compile(dialect=postgresql.dialect(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
    given = [compiled.params[name] for name in compiled.positiontup or ()]
    arguments = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, given))) if given else sql.SQL("")
    with reader.transaction():
        tell(reader, viewer)
        reader.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
        reader.execute(f"PREPARE page AS {compiled}".encode())
        try:
            explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page{}").format(arguments)
            row = reader.execute(explained).fetchone()
        finally:
            reader.execute("DEALLOCATE page")
    assert row is not None
    plan = row[0][0]["Plan"]
    return Read(found=round(plan["Actual Rows"]), rows_read=read_by(plan), plan=json.dumps(plan, indent=1))


def read_by(plan: Mapping[str, Any]) -> int:
    """Count the rows that the scans of a plan touched, whether they passed or not."""
    inner: int = sum(read_by(it) for it in plan.get("Plans", ()))
    if "Relation Name" not in plan:
        return inner
    touched: float = (
        plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    )
    loops: int = plan["Actual Loops"]
    return inner + round(touched * loops)


def viewers(rows: int) -> Iterator[Viewer]:
    yield Viewer(role="auditor")
    there = f"person-{rows // 20}"
    for organisation in ("large", "small"):
        numbers = (f"number-{organisation}",)
        yield Viewer(role="agency", organisation_id=organisation, identifiers=numbers)
        yield Viewer(role="agency", organisation_id=organisation, identifiers=numbers, person_id=there, chosen_by=there)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("model", "order"), LISTS, ids=[f"{model.name}-{order}" for model, order in LISTS])
def test_a_page_reads_about_as_many_rows_as_it_holds(
    reader: Connection, rows: int, model: ReadModel, order: str, mode: str
) -> None:
    for viewer in viewers(rows):
        if viewer.role == "agency" and model.seen.withheld:
            continue
        for page in pages(reader, model, order, viewer):
            query = page_query(model.table, model.lists[order], page, viewer)
            read = explain(reader, query, viewer, mode)
            assert read.rows_read <= MAX_READ, (viewer, page, read.rows_read, read.plan)


def pages(reader: Connection, model: ReadModel, order: str, viewer: Viewer) -> Sequence[PageRequest]:
    """The first page, the last one, and one from the middle of what the viewer sees."""
    first = PageRequest(size=PAGE, backwards=False, after=None, before=None)
    last = PageRequest(size=PAGE, backwards=True, after=None, before=None)
    query = page_query(model.table, model.lists[order], first, viewer)
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    with reader.transaction(), reader.cursor(row_factory=psycopg.rows.namedtuple_row) as cursor:
        tell(reader, viewer)
        shown = cursor.execute(str(compiled).encode()).fetchall()
    if not shown:
        return first, last
    after = CursorOrder(model.lists[order]).cursor(shown[-1])
    return first, last, PageRequest(size=PAGE, backwards=False, after=after, before=None)
