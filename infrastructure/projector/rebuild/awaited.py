"""Builds whose caller waits for the result: the command line, tests, measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import psycopg

from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build import Builder, BuildRunningError, Result
from infrastructure.projector.rebuild.build_environment import BuildEnvironment, Progress
from infrastructure.projector.rebuild.switch_over import MAX_TRIES
from infrastructure.projector.rows.definitions import Definitions
from projections.progress import BuildPurpose
from projections.read_model import ReadModel


def rebuild(
    url: str,
    definitions: Definitions,
    projections: Sequence[ReadModel],
    *,
    purpose: BuildPurpose = BuildPurpose.REBUILD,
    position: int = 0,
    workers: int | None = None,
    asked_by: str = "",
    why: str = "",
    progress: Progress = lambda _done, _total: None,
    stopped: Callable[[], bool] = lambda: False,
    takeover_tries: int = MAX_TRIES,
) -> Sequence[Result]:
    """Build the rows of projections, all at once, for the purpose given; return the result of each.

    `url` is that of the projector. `workers` processes fill tables, by default one for each processor but one, which is
    left for queries. `position` is the past position of an as-of build. Rows that others read are tried to be replaced
    `takeover_tries` times. Raises BuildRunningError if another build of one of them is running.
    """
    environment = BuildEnvironment(url, definitions, progress=progress, stopped=stopped, takeover_tries=takeover_tries)
    if workers is not None:
        environment = replace(environment, workers=workers, at_once=workers)
    with psycopg.connect(url, autocommit=True) as connection, ExitStack() as stack:
        for projection in projections:
            if not builds.take(connection, projection):
                raise BuildRunningError(f"rows of {projection.name} are being made already")
            stack.callback(builds.give_back, connection, projection)
            builds.abandon(connection, projection)
        requests = [
            builds.ask(connection, it, purpose, by_worker=False, position=position, asked_by=asked_by, why=why)
            for it in projections
        ]
        return Builder(environment).run(requests)
