"""What the read models are doing, as a table."""

from __future__ import annotations

import argparse
import asyncio
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
    text = f"log position {progress.head:,}\n{table(HEADINGS, [_row(it) for it in progress.projections])}"
    for line in (line for it in progress.projections for line in _remarks(it)):
        text += f"\n{line}"
    output.result({"position": progress.head, "projections": [asdict(p) for p in progress.projections]}, text)


async def _progress(url: str) -> Progress:
    from infrastructure.read_models import ReadModels
    from projections.registry import PROJECTIONS

    reads = ReadModels(url, PROJECTIONS)
    try:
        return await reads.progress()
    finally:
        await reads.close()


def _row(it: ProjectionProgress) -> tuple[object, ...]:
    left = "" if it.left_s is None else f"{it.left_s:,.0f}"
    rate = f"{it.events_per_s:,.0f}"
    done = f"{it.percent} %"
    return (
        it.name,
        it.version,
        it.state.value,
        it.position,
        it.lag_events,
        f"{it.lag_s:.1f}",
        rate,
        left,
        done,
        it.parked_events,
    )


def _remarks(it: ProjectionProgress) -> list[str]:
    """Say in sentences what a row of numbers cannot."""
    remarks = []
    if it.error:
        remarks.append(f"{it.name} cannot go on: {it.error}")
    if it.pause:
        remarks.append(f"{it.name} was paused by {it.pause.by} at {it.pause.at:%Y-%m-%d %H:%M}: {it.pause.why}")
    if it.build:
        remarks.append(f"{it.name}: {_said(it.build)}")
    if it.previous_position is not None:
        remarks.append(f"{it.name}: the rows from before the last takeover are kept, at {it.previous_position:,}")
    remarks.extend(f"{it.name}: version {o.version} is kept too, at {o.position:,}" for o in it.other_versions)
    return remarks


def _said(build: Build) -> str:
    from projections.progress import BuildState

    what = build.purpose.value.replace("_", " ")
    if build.state.ended:
        return f"{what} {build.state.value}: {build.outcome}"
    if not build.running:
        waits = build.state is BuildState.WAITING
        return f"{what} {'waits for a worker' if waits else 'was interrupted'}"
    return f"{what} {build.state.value.replace('_', ' ')}, {build.percent} %"
