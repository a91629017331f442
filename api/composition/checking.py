"""The health checks of a process, each with what measures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import psycopg

from api.health_checks.database_checks import DATABASE, KEYS, SHREDDING, WRITING
from api.health_checks.reactor_checks import REACTORS
from api.health_checks.read_model_checks import READ_MODELS
from api.health_checks.running import HealthChecks
from application.reactor_status import ReactorProgress
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.shredding import rights_missing
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
        self._keys = KeptConnection(addresses.keys)

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
                SHREDDING.measured_by(self._may_shred),
            ]
        )

    async def _answers(self) -> None:
        async def answer(connection: psycopg.AsyncConnection) -> None:
            await connection.execute("SELECT 1")

        await self._reader.read(answer)

    async def _may_shred(self) -> bool:
        try:
            return not await self._keys.read(rights_missing)
        except psycopg.OperationalError:
            # The check of the keys finds that their database does not answer.
            return True

    async def aclose(self) -> None:
        await self.all.aclose()
        await self._reader.aclose()
        await self._keys.aclose()
