"""The bounds of the projector: sizes of batches, and pauses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorLimits:
    """Bounds in events, and pauses in seconds."""

    batch_events: int = 5_000
    """How many events are applied in one transaction."""

    behind_events: int = 2_000
    """How many events a group that is behind gets at once: meanwhile the others wait."""

    wait_s: float = 1.0
    """How often to check whether to stop, and whether an owner is gone. The log notifies, it is not polled."""

    rest_s: float = 10.0
    """How long a projection that failed rests before the next attempt."""

    first_build_events: int = 20_000
    """A version without rows is built where the log has more events than this; else it follows the log."""

    retry_interval_s: float = 15.0
    """How often to try again an act that waits for readers, or a first build that failed."""

    build_interval_s: float = 5.0
    """How often to look for builds whose worker is gone."""

    process_events: int = 50_000
    """Up to so many events are folded in this process: another one would not be worth its start."""

    chunk_events: int = 20_000
    """About how many events a process folds at once."""

    long_stream_events: int = 100_000
    """A stream longer than this does not fit in memory: it is folded in batches after the indexes are made."""

    report_interval_s: float = 0.5
    """How often the progress of a build is recorded."""
