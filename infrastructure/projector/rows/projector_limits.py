"""The bounds of the projector's work: how much at once, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorLimits:
    """Bounds in events, and pauses in seconds."""

    batch_events: int = 5_000
    """How many events are applied in one transaction."""

    behind_events: int = 2_000
    """How many events those behind are given at once: meanwhile the others wait."""

    wait_s: float = 1.0
    """How often to look up whether to stop, and whether a leader is gone. The log is not asked: it tells."""

    rest_s: float = 10.0
    """How long a projection that cannot go on is left alone before it is tried again."""

    first_build_events: int = 20_000
    """A version without rows is made in one go where the log has more events than this, else simply followed."""

    retry_interval_s: float = 15.0
    """How often to try what could not be done at first: an act that waits for readers, a first build that failed."""

    build_interval_s: float = 5.0
    """How often to look for builds that nobody carries out any more."""

    process_events: int = 50_000
    """Up to so many events a process of its own is not worth its start."""

    chunk_events: int = 20_000
    """About how many events a process folds at once."""

    long_stream_events: int = 100_000
    """A stream longer than this does not fit in memory at once: it is folded in batches once the indexes are there."""

    report_interval_s: float = 0.5
    """How often the progress of a build is recorded."""
