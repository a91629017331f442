"""What the read models are doing, as a table."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from api.cli.output import Output, table

if TYPE_CHECKING:
    from projections.progress import Build, Progress, ProjectionProgress

HEADINGS = ("name", "version", "state", "position", "lag events", "lag s", "events/s", "left s", "done", "parked")


def show(_options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import database, settings_of

    with database(settings_of()) as addresses:
        progress = asyncio.run(_progress(addresses.reader))
    text = (
        f"log position {progress.head:,}\n{table(HEADINGS, [_row(projection) for projection in progress.projections])}"
    )
    for line in (line for projection in progress.projections for line in _remarks(projection)):
        text += f"\n{line}"
    output.result({"position": progress.head, "projections": [asdict(p) for p in progress.projections]}, text)


def explain(options: argparse.Namespace, output: Output) -> None:
    from api.cli.projections.making import chosen
    from infrastructure.projector import platform
    from infrastructure.projector.rules.explaining import explained, sentences

    definitions = platform()
    (read_model,) = chosen(definitions, [options.name])
    effects = explained(read_model, definitions.codec.names)
    columns = [*read_model.row.__columns__]
    output.result({"name": read_model.name, "effects": effects}, "\n".join(sentences(effects, columns)))


async def _progress(url: str) -> Progress:
    from infrastructure.read_models import ReadModels
    from projections.registry import PROJECTIONS

    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        return await reads.progress()


def _row(progress: ProjectionProgress) -> tuple[object, ...]:
    left = "" if progress.left_s is None else f"{progress.left_s:,.0f}"
    rate = f"{progress.events_per_s:,.0f}"
    done = f"{progress.percent} %"
    return (
        progress.name,
        progress.version,
        progress.state.value,
        progress.position,
        progress.lag_events,
        f"{progress.lag_s:.1f}",
        rate,
        left,
        done,
        progress.parked_events,
    )


def _remarks(progress: ProjectionProgress) -> list[str]:
    """Write errors, pauses, builds and kept rows of a read model, a sentence each."""
    remarks: list[str] = []
    if progress.error:
        remarks.append(f"{progress.name} cannot go on: {progress.error}")
    if pause := progress.pause:
        remarks.append(f"{progress.name} was paused by {pause.by} at {pause.at:%Y-%m-%d %H:%M}: {pause.why}")
    if progress.build:
        remarks.append(f"{progress.name}: {_build_shown(progress.build)}")
    if progress.previous_position is not None:
        remarks.append(
            f"{progress.name}: the rows from before the last takeover are kept, at {progress.previous_position:,}"
        )
    remarks.extend(
        f"{progress.name}: version {o.version} is kept too, at {o.position:,}" for o in progress.other_versions
    )
    return remarks


def _build_shown(build: Build) -> str:
    from projections.progress import BuildState

    what = build.purpose.value.replace("_", " ")
    if build.state.ended:
        return f"{what} {build.state.value}: {build.outcome}"
    if not build.running:
        waits = build.state is BuildState.WAITING
        return f"{what} {'waits for a worker' if waits else 'was interrupted'}"
    return f"{what} {build.state.value.replace('_', ' ')}, {build.percent} %"
