"""Databases of tests: copies of templates, made ahead and dropped behind by a thread of their own."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import psycopg
from psycopg import sql

from infrastructure.database.data_folder import NAME
from infrastructure.database.embedded import EmbeddedPostgres

AHEAD = 2
"""How many copies of a template wait for the tests to come."""


class Databases:
    """Makes and drops databases on one server, one after the other, while tests go on."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._thread = ThreadPoolExecutor(1, "databases")
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def template(self, name: str, fill: Callable[[str], object] | None = None, *, owner: str = NAME) -> Template:
        """Return a template. With `fill`, make its database and call that with its address."""
        if fill is not None:
            self._create(name, "template1", owner)
            fill(self._url(name, owner))
        return Template(self, name, owner)

    def make(self, template: str, owner: str) -> Future[str]:
        """Begin to make a copy; its address is the result."""
        name = f"test_{next(self._numbers)}"

        def made() -> str:
            self._create(name, template, owner)
            return self._url(name, owner)

        return self._thread.submit(made)

    def drop(self, url: str) -> Future[None]:
        """Begin to drop a database, whoever is connected to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(url.rpartition("/")[2]))
        return self._thread.submit(self._execute, statement)

    def _create(self, name: str, template: str, owner: str) -> None:
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                *map(sql.Identifier, (name, template, owner))
            )
        )

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._server.superuser_url, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str, owner: str) -> str:
        url = self._server.url if owner == NAME else self._server.addresses.keys
        return url.rpartition("/")[0] + "/" + name


@contextmanager
def gone(server: EmbeddedPostgres, url: str) -> Iterator[None]:
    """End all connections to a database and let no new one in, until the block ends."""
    name = url.rpartition("/")[2]
    may = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(may.format(sql.Identifier(name), sql.Literal(False)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        connection.execute(may.format(sql.Identifier(name), sql.Literal(True)))


@dataclass
class Template:
    """A database that others are copied from."""

    databases: Databases
    name: str
    owner: str
    _ready: deque[Future[str]] = field(default_factory=deque)

    @contextmanager
    def copied(self) -> Iterator[str]:
        """Give the address of a copy until the block ends."""
        while len(self._ready) <= AHEAD:
            self._ready.append(self.databases.make(self.name, self.owner))
        url = self._ready.popleft().result()
        yield url
        self.databases.drop(url)
