"""How much one request may take, whoever asks: bounds that no setting changes."""

from __future__ import annotations

from dataclasses import dataclass

from api.web.cached_reading import MAX_AGE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of the doors, in the units of their names.

    `own_write_wait_s`: how long a request waits at most for the read models to contain its caller's own write.
    `places_age_s`: how long requests use the positions of the read models again that one of them read.
    `bulk_bytes`: the body of a request that carries many commands. `children`: rows of a nested list without pages; a
    connection reads on where that is not enough. `groups`: rows of counts and sums. `free_objects` of an answer are
    completed in one piece, and the others in slices of `slice_s`, between which the process serves others.
    `listeners`: streams of progress at once, `listeners_each` of one organisation; one ends after `listen_s`, and its
    client comes back with a token that is checked again.
    """

    own_write_wait_s: float = 2.0
    places_age_s: float = MAX_AGE_S
    bulk_bytes: int = 32_000_000
    children: int = 200
    groups: int = 1_000
    free_objects: int = 200
    slice_s: float = 0.000_5
    listeners: int = 100
    listeners_each: int = 10
    listen_s: float = 600.0
    sample_interval_s: float = 1.0
    heartbeat_interval_s: float = 15.0


BOUNDS = Bounds()
