"""The worker: follows the log, carries out what administrators order, and makes rows anew beside those in use.

More than one may run: what one looks after the others leave alone, until it is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Self

import psycopg
import structlog
from psycopg import Connection

from infrastructure.postgres.connecting import connect_to_lead
from infrastructure.projector.live.admin_commands import carry_out
from infrastructure.projector.live.admin_log import newest_act, paused_names
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build import Builder
from infrastructure.projector.rebuild.build_environment import Site, StoppedError
from infrastructure.projector.rebuild.builds import Asked
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.row_security import secure
from projections.progress import BuildPurpose

LOG = structlog.get_logger()

STOP_S = 30.0


class Worker:
    """Works as the role of the projector at `url`, until told to stop."""

    def __init__(self, url: str, definitions: Definitions) -> None:
        self._url = url
        self._definitions = definitions
        self._led: Collection[str] = ()
        self._newest_act = -1
        self._looked = 0.0
        self._maker = Maker(url, definitions)

    def run(self, stopped: Callable[[], bool]) -> None:
        with connect_to_lead(self._url) as connection, self._maker:
            projector = Projector(connection, self._definitions)
            projector.run(stopped, between=lambda: self._between(connection, projector))

    def _between(self, connection: Connection, projector: Projector) -> None:
        self._maker.check()
        newest, led = newest_act(connection), frozenset(projector.led)
        again = time.monotonic() - self._looked > self._definitions.limits.retry_interval_s
        if again or led != self._led or newest > self._newest_act:
            for target in projector.led.values():
                if carry_out(connection, self._definitions, target):
                    self._maker.wake()
            projector.paused = paused_names(connection)
            self._begin_new(connection, projector)
            self._keep_secure(connection, projector)
            self._led, self._newest_act, self._looked = led, newest, time.monotonic()

    def _begin_new(self, connection: Connection, projector: Projector) -> None:
        """Make tables for what has none: at once for a short log, otherwise by a build of their own."""
        without = projector.without_rows()
        if not without:
            return
        if projector.head() <= self._definitions.limits.first_build_events:
            projector.prepare(without)
            return
        under_way = {asked.projection for asked in builds.waiting(connection)}
        for name in without:
            if name not in under_way:
                projection = self._definitions.projections[name]
                builds.ask(connection, projection, BuildPurpose.FIRST, by_worker=True, why="a new version")
                self._maker.wake()

    def _keep_secure(self, connection: Connection, projector: Projector) -> None:
        """Give tables that another release made, or somebody changed by hand, the policies of this one."""
        for table in secure(connection, [target.projection for target in projector.led.values()]):
            LOG.info("read_model_secured", table=table)


class Maker:
    """Carries out builds in a thread of its own, one group after the other."""

    def __init__(self, url: str, definitions: Definitions) -> None:
        self._url = url
        self._definitions = definitions
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="builds")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._wanted.set()
        self._thread.join(STOP_S)

    def check(self) -> None:
        """Raise RuntimeError if the thread came to an end that nobody asked for: a worker does not go on without it."""
        if not self._thread.is_alive():
            raise RuntimeError("the thread that makes rows has ended")

    def wake(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    while not self._stop.is_set():
                        self._wanted.clear()
                        if not self._make_next(connection):
                            self._wanted.wait(self._definitions.limits.build_interval_s)
            except psycopg.OperationalError as error:
                LOG.warning("builds_lost_connection", error=type(error).__name__)
                self._stop.wait(self._definitions.limits.build_interval_s)

    def _make_next(self, connection: Connection) -> bool:
        """Carry out what waits and nobody else is at; return whether there was anything."""
        taken = self._take(connection)
        try:
            if taken:
                builder = Builder(Site(self._url, self._definitions, stopped=self._stop.is_set))
                for result in builder.run(taken):
                    LOG.info("build_ended", projection=result.projection, state=result.state, outcome=result.outcome)
        except StoppedError:
            LOG.info("builds_interrupted", builds=len(taken))  # they are begun again by the next worker
        finally:
            for asked in taken:
                builds.give_back(connection, self._definitions.projections[asked.projection])
        return bool(taken)

    def _take(self, connection: Connection) -> Sequence[Asked]:
        """Take what waits: at most one build of a projection at a time."""
        taken: dict[str, Asked] = {}
        for asked in builds.waiting(connection):
            projection = self._definitions.projections.get(asked.projection)
            if projection is None or projection.version != asked.version or asked.projection in taken:
                continue
            if not builds.take(connection, projection):
                continue
            # Somebody may have done it since it was looked up.
            if builds.is_open(connection, asked):
                taken[asked.projection] = asked
            else:
                builds.give_back(connection, projection)
        return list(taken.values())
