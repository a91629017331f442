"""Turns at something scarce, such as connections, shared fairly by organisations."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class BusyError(Exception):
    """No turn came in time: ask again after so many seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"busy for {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Turns(Protocol):
    """Gives turns, one organisation after the other; no organisation has more than its share at once."""

    def of(self, organisation_id: str) -> AbstractAsyncContextManager[None]:
        """Wait for a turn and hold it; raises BusyError where none comes in time."""
