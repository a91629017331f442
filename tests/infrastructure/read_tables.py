"""Read models made by hand, where a test is not about the worker that makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from infrastructure.deadlines.leading import NAME
from infrastructure.postgres.leadership import Leadership
from infrastructure.projector.rows.row_security import open_to_readers
from infrastructure.reactors.engine import leader_name
from projections.read_model import METADATA, ReadModel
from projections.registry import PROJECTIONS

LOOKED_AFTER = 1
MADE = 2


def make_read_tables(url: str, *, position: int = 0, projections: Sequence[ReadModel] = PROJECTIONS) -> None:
    """Make the tables of read models, without rows, and say that they are at a position."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    METADATA.create_all(engine, [projection.table for projection in projections])
    engine.dispose()
    with psycopg.connect(url) as connection:
        for projection in projections:
            connection.execute(
                "INSERT INTO read.checkpoint (projection, version, position) VALUES (%s, %s, %s)",
                (projection.name, projection.version, position),
            )
            open_to_readers(connection, projection.table, projection.table.name)


def be_at(url: str, position: int) -> None:
    """Say that the read models, whose tables there are, have reached a position."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE read.checkpoint SET position = %s", (position,))


@contextmanager
def looked_after(url: str, *names: str, kind: int = LOOKED_AFTER) -> Iterator[None]:
    """Look after read models as a worker does, until the block ends; after all of them also as an engine does."""
    versions = {projection.name: projection.version for projection in PROJECTIONS}
    with psycopg.connect(url, autocommit=True) as connection:
        for name in names or versions:
            taken = connection.execute("SELECT read.take(%s, %s, %s)", (kind, name, versions[name])).fetchone()
            assert taken == (True,)
        if not names:
            leads = Leadership(connection)
            others = connection.execute("SELECT name FROM reactor.progress").fetchall()
            for name in {"blind-index", "eraser", "invoice-retention", *(name for (name,) in others)}:
                leads.acquire(leader_name(name))  # unless the platform leads itself
            leads.acquire(NAME)
        yield
