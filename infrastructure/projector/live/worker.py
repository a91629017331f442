"""The worker: follows the log, carries out the acts of administrators, and builds rows beside those in use.

Several workers may run: each projection has one owner, until that worker is gone.
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
from infrastructure.projector.rebuild.build_environment import BuildEnvironment, StoppedError
from infrastructure.projector.rebuild.builds import BuildRequest
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.row_security import secure
from projections.progress import BuildPurpose

LOG = structlog.get_logger()

STOP_S = 30.0


class Worker:
    """Works as the role of the projector at `url`, until it is stopped."""

    def __init__(self, url: str, definitions: Definitions) -> None:
        self._url = url
        self._definitions = definitions
        self._owned: Collection[str] = ()
        self._newest_act = -1
        self._acted_at = 0.0
        self._builds = BuildRunner(url, definitions)

    def run(self, stopped: Callable[[], bool]) -> None:
        with connect_to_lead(self._url) as connection, self._builds:
            projector = Projector(connection, self._definitions)
            projector.run(stopped, between=lambda: self._between(connection, projector))

    def _between(self, connection: Connection, projector: Projector) -> None:
        self._builds.check()
        newest, owned, targets = newest_act(connection), frozenset(projector.owned), projector.owned.values()
        again = time.monotonic() - self._acted_at > self._definitions.limits.retry_interval_s
        if not again and owned == self._owned and newest == self._newest_act:
            return
        for target in targets:
            if carry_out(connection, self._definitions, target):
                self._builds.wake()
        projector.paused = paused_names(connection)
        self._begin_new(connection, projector)
        # Tables that another release made, or that were changed by hand, get the policies of this release.
        for table in secure(connection, [target.projection for target in targets]):
            LOG.info("read_model_secured", table=table)
        self._owned, self._newest_act, self._acted_at = owned, newest, time.monotonic()

    def _begin_new(self, connection: Connection, projector: Projector) -> None:
        """Make tables for projections without rows: at once for a short log, otherwise by a build."""
        without = projector.without_rows()
        if not without:
            return
        if projector.head() <= self._definitions.limits.first_build_events:
            projector.prepare(without)
            return
        for name in without - {request.projection for request in builds.waiting(connection)}:
            projection = self._definitions.projections[name]
            builds.ask(connection, projection, BuildPurpose.FIRST, by_worker=True, why="a new version")
            self._builds.wake()


class BuildRunner:
    """Carries out builds in a thread of its own, one group after the other."""

    def __init__(self, url: str, definitions: Definitions) -> None:
        self._url = url
        self._definitions = definitions
        self._requested = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="builds")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._requested.set()
        self._thread.join(STOP_S)

    def check(self) -> None:
        """Raise RuntimeError if the thread has ended by itself: a worker does not go on without it."""
        if not self._thread.is_alive():
            raise RuntimeError("the thread that makes rows has ended")

    def wake(self) -> None:
        self._requested.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    while not self._stop.is_set():
                        self._requested.clear()
                        if not self._run_next(connection):
                            self._requested.wait(self._definitions.limits.build_interval_s)
            except psycopg.OperationalError as error:
                LOG.warning("builds_lost_connection", error=type(error).__name__)
                self._stop.wait(self._definitions.limits.build_interval_s)

    def _run_next(self, connection: Connection) -> bool:
        """Carry out the waiting builds that no other worker runs; return whether there was any."""
        taken = self._take(connection)
        try:
            if taken:
                builder = Builder(BuildEnvironment(self._url, self._definitions, stopped=self._stop.is_set))
                for result in builder.run(taken):
                    LOG.info("build_ended", projection=result.projection, state=result.state, outcome=result.outcome)
        except StoppedError:
            LOG.info("builds_interrupted", builds=len(taken))  # the next worker begins them again
        finally:
            for request in taken:
                builds.give_back(connection, self._definitions.projections[request.projection])
        return bool(taken)

    def _take(self, connection: Connection) -> Sequence[BuildRequest]:
        """Take the locks of waiting builds: at most one build of a projection at a time."""
        taken: dict[str, BuildRequest] = {}
        for request in builds.waiting(connection):
            projection = self._definitions.projections.get(request.projection)
            if projection is None or projection.version != request.version or request.projection in taken:
                continue
            if not builds.take(connection, projection):
                continue
            # Another worker may have ended it since the list was read.
            if builds.is_open(connection, request):
                taken[request.projection] = request
            else:
                builds.give_back(connection, projection)
        return list(taken.values())
