"""Long answers are completed a slice at a time: between two slices the event loop serves whoever else asked.

The executor completes all rows of a list in one piece. A document of a thousand rows would keep every other request of
the process waiting for as long as that takes.
"""

from __future__ import annotations

import asyncio
import time

from application.fair_turns import FairTurns, TurnLimits

MAX_WAITING = 1_000_000
MAX_WAIT_S = 600.0
"""Above all that a document may ask for, and all that a request may take: an answer that was begun is not given up."""


class Slices:
    """Shares the time of the event loop, to which it belongs, among the long answers of organisations, in turns."""

    def __init__(self, slice_s: float, free_objects: int) -> None:
        self.free_objects = free_objects
        self._slice_s = slice_s
        self._until = 0.0
        self._turns = FairTurns(TurnLimits(turns=1, share=1, waiting=MAX_WAITING, wait_s=MAX_WAIT_S))

    @property
    def over(self) -> bool:
        """Whether the present slice has taken its time."""
        return time.perf_counter() >= self._until

    async def wait(self, organisation_id: str) -> None:
        """Wait until a slice is an organisation's, which is for all that its answers complete in that time."""
        if not self.over:
            return
        async with self._turns.of(organisation_id):
            if self.over:
                # The turn is held until the loop has served those whose sockets are ready.
                await asyncio.sleep(0)
                self._until = time.perf_counter() + self._slice_s
