"""Queries of read models, asked of PostgreSQL: tables of the test's own, filled with the rows that the events make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import make_url

from infrastructure.database.embedded import EmbeddedPostgres
from projections.read_model import SCHEMA
from tests.projections.story import Ask, filled


@pytest.fixture(scope="session")
def read_models(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    """A connection to a database with nothing in it but the schema of the read models."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as server:
        server.execute("CREATE DATABASE read_models OWNER kroniek")
    url = make_url(postgres.url).set(drivername="postgresql+psycopg", database="read_models")
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        connection.commit()
        yield connection
    engine.dispose()


@pytest.fixture
def ask(read_models: Connection) -> Iterator[Ask]:
    """Ask a query of the rows that stories make; nothing of it stays."""

    def answer(projection: Any, query: Any, *stories: Any) -> list[dict[str, Any]]:
        with read_models.begin_nested():
            projection.table.create(read_models, checkfirst=True)
            read_models.execute(projection.table.delete())
            if rows := filled(projection, *stories):
                read_models.execute(projection.table.insert(), rows)
        return [dict(row) for row in read_models.execute(query).mappings()]

    with read_models.begin() as transaction:
        yield answer
        transaction.rollback()
