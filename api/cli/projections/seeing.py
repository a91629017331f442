"""The state of the read models as a table, and the explanation of their columns."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import asdict

from api.cli.common import database, settings_of
from api.cli.output import Output, table
from api.cli.projections.making import chosen
from infrastructure.projector.rows.definitions import platform
from infrastructure.projector.rules.explaining import explained, sentences
from infrastructure.read_models.reading import ReadModels
from projections.progress import Build, BuildState, Progress, ProjectionProgress
from projections.registry import PROJECTIONS

HEADINGS = ("name", "version", "state", "position", "lag events", "lag s", "events/s", "left s", "done", "parked")


def show(_options: argparse.Namespace, output: Output) -> None:
    with database(settings_of()) as addresses:
        progress = asyncio.run(_progress(addresses.reader))
    lines = [
        f"log position {progress.head:,}",
        table(HEADINGS, [_row(projection) for projection in progress.projections]),
        *(remark for projection in progress.projections for remark in _remarks(projection)),
    ]
    shown = {"position": progress.head, "projections": [asdict(projection) for projection in progress.projections]}
    output.result(shown, "\n".join(lines))


def explain(options: argparse.Namespace, output: Output) -> None:
    definitions = platform()
    (read_model,) = chosen(definitions, [options.name])
    effects = explained(read_model, definitions.codec.names)
    columns = [*read_model.row.__columns__]
    output.result({"name": read_model.name, "effects": effects}, "\n".join(sentences(effects, columns)))


async def _progress(url: str) -> Progress:
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        return await reads.progress()


def _row(progress: ProjectionProgress) -> tuple[object, ...]:
    return (
        progress.name,
        progress.version,
        progress.state.value,
        progress.position,
        progress.lag_events,
        f"{progress.lag_s:.1f}",
        f"{progress.events_per_s:,.0f}",
        "" if progress.left_s is None else f"{progress.left_s:,.0f}",
        f"{progress.percent} %",
        progress.parked_events,
    )


def _remarks(progress: ProjectionProgress) -> Iterator[str]:
    """Write errors, pauses, builds and kept rows of a read model, a sentence each."""
    name = progress.name
    if progress.error:
        yield f"{name} cannot go on: {progress.error}"
    if pause := progress.pause:
        yield f"{name} was paused by {pause.by} at {pause.at:%Y-%m-%d %H:%M}: {pause.why}"
    if progress.build:
        yield f"{name}: {_build_shown(progress.build)}"
    if progress.previous_position is not None:
        yield f"{name}: the rows from before the last takeover are kept, at {progress.previous_position:,}"
    for other in progress.other_versions:
        yield f"{name}: version {other.version} is kept too, at {other.position:,}"


def _build_shown(build: Build) -> str:
    what = build.purpose.value.replace("_", " ")
    if build.state.ended:
        return f"{what} {build.state.value}: {build.outcome}"
    if not build.running:
        return f"{what} {'waits for a worker' if build.state is BuildState.WAITING else 'was interrupted'}"
    return f"{what} {build.state.value.replace('_', ' ')}, {build.percent} %"
