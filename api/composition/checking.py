"""The health checks of a process, each with what measures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import psycopg

from api.health_checks.database_checks import DATABASE, KEYS, WRITING
from api.health_checks.reactor_checks import REACTORS
from api.health_checks.read_model_checks import READ_MODELS
from api.health_checks.running import HealthChecks
from application.reactor_status import ReactorProgress
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.keyring import Keyring
from infrastructure.postgres.kept_connection import KeptConnection
from infrastructure.read_models.reading import ReadModels


class PlatformChecks:
    """All health checks, with connections of their own. Close it when done; it belongs to one event loop."""

    def __init__(
        self,
        addresses: Addresses,
        log: PostgresLog,
        reads: ReadModels,
        keys: Keyring,
        of_reactors: Callable[[], Awaitable[Sequence[ReactorProgress]]],
    ) -> None:
        self._reader = KeptConnection(addresses.reader)

        async def writing() -> float:
            return log.append_waits_s()

        async def reachable() -> bool:
            return keys.reachable

        self.all = HealthChecks(
            [
                DATABASE.measured_by(self._answers),
                WRITING.measured_by(writing),
                READ_MODELS.measured_by(reads.progress),
                REACTORS.measured_by(of_reactors),
                KEYS.measured_by(reachable),
            ]
        )

    async def _answers(self) -> None:
        async def answer(connection: psycopg.AsyncConnection) -> None:
            await connection.execute("SELECT 1")

        await self._reader.read(answer)

    async def aclose(self) -> None:
        await self.all.aclose()
        await self._reader.aclose()
