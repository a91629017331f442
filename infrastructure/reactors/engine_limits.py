"""The bounds of the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """Bounds of each reactor in a process, and of the engine itself.

    `batch_events` are read at once, and `open_events` are held in memory at most: so many are reacted to again after a
    crash. `keys_at_once` have their events reacted to side by side, and `retries_at_once` of those that wait. A key
    that has run for `slow_s` waits in the database with what follows, and makes room for another: up to `slow_at_once`
    do so and go on. With `waiting_keys` the reactor stands still until some are done. Retries of one key go on for
    `in_a_row` events before others have their turn.

    The log, administrators and other processes are looked at when the log grows, `gather_s` later, and every
    `check_interval_s`; checkpoints are saved every `save_interval_s`. What runs at a stop may go on for `stop_s`, and
    has `cancel_s` to end once it is cancelled.
    """

    batch_events: int = 100
    open_events: int = 256
    keys_at_once: int = 16
    retries_at_once: int = 8
    slow_at_once: int = 64
    slow_s: float = 0.5
    waiting_keys: int = 10_000
    in_a_row: int = 100
    gather_s: float = 0.1
    check_interval_s: float = 1.0
    save_interval_s: float = 0.2
    stop_s: float = 10.0
    cancel_s: float = 1.0
