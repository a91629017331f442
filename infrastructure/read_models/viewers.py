"""Sets the viewer of each statement in PostgreSQL, in the transaction and the round trip of that statement.

A statement that is executed with the option `viewer` is sent behind one that sets the viewer for the transaction (`SET
LOCAL`): both in one pipeline, which PostgreSQL runs as one transaction where there is none around it
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING). So no viewer stays on a
connection of the pool, and no round trip is added. A statement without that option sees no row of a read model. In a
transaction, a statement that fails can be undone (`RECOVER`).
"""

from __future__ import annotations

from typing import Any, Self

from psycopg import AsyncConnection, AsyncCursor
from psycopg.abc import Params, QueryNoTemplate
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, ExecutionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine

from projections.row_security import CHOSEN_BY, IDENTIFIERS, ORGANISATION, PERSON, ROLE, SAVEPOINT, VIEWER, Viewer

SETTINGS = {ROLE: "%s", ORGANISATION: "%s", IDENTIFIERS: "%s::text[]::text", PERSON: "%s", CHOSEN_BY: "%s"}
SET = "SELECT " + ", ".join(f"set_config('{name}', {value}, true)" for name, value in SETTINGS.items())


class ViewingConnection(AsyncConnection[Any]):
    """A connection whose next statement may be that of a viewer."""

    viewer: Viewer | None = None


class ViewingCursor(AsyncCursor[Any]):
    """Sends the settings of the viewer ahead of a statement."""

    async def execute(  # type: ignore[override]  # SQLAlchemy has no template strings
        self,
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        connection = self.connection
        assert isinstance(connection, ViewingConnection)
        viewer, connection.viewer = connection.viewer, None
        if viewer is None:
            return await super().execute(query, params, prepare=prepare, binary=binary)
        in_transaction = connection.info.transaction_status is TransactionStatus.INTRANS
        async with connection.pipeline():
            if in_transaction:
                await AsyncCursor(connection).execute(SAVEPOINT)
            await AsyncCursor(connection).execute(SET, settings_of(viewer))
            await super().execute(query, params, prepare=prepare, binary=binary)
        return self


def settings_of(viewer: Viewer) -> tuple[str, str, list[str], str, str]:
    """Return what `SET` sets."""
    return viewer.role, viewer.organisation_id, list(viewer.identifiers), viewer.person_id, viewer.chosen_by


CONNECT_ARGS = {"async_creator_fn": ViewingConnection.connect, "cursor_factory": ViewingCursor}
"""The arguments with which an engine makes such connections."""


def set_viewers(engine: AsyncEngine) -> None:
    """Have each statement of an engine read for the viewer in its execution options."""
    event.listen(engine.sync_engine, "before_cursor_execute", _set_viewer)


def _set_viewer(
    connection: Connection,
    _cursor: object,
    _statement: str,
    _parameters: object,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, ViewingConnection)
    driver.viewer = None if context is None else context.execution_options.get(VIEWER)
