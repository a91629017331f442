"""The schedule of the history: commands at their instants, added month by month and read in order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import starmap
from operator import itemgetter
from typing import TypeAlias

from application.handler import CommandEnvelope
from domain.kernel import Command, Context
from sample import civil
from sample.chance import Chance
from sample.numbers import uuid4

Entry: TypeAlias = tuple[int, Callable[..., Command], str, dict[str, object]]
"""An instant, a command, the organisation that passes it on, and the other fields of the command."""


class Schedule:
    """Commands by month. Nothing may be added to a month that was read."""

    def __init__(self, seed: int) -> None:
        self._months: list[list[Entry]] = [[] for _ in range(civil.MONTHS)]
        self._read = 0
        self._ids = Chance(f"{seed}:commands")
        self._clerks: dict[str, str] = defaultdict(partial(uuid4, Chance(f"{seed}:clerks")))
        """By organisation, the pseudonym of the clerk who passes on its commands."""

    def add(self, at: int, command: Callable[..., Command], by: str, **fields: object) -> None:
        """Add a command; one after the end of the history is left out."""
        if at < civil.END:
            place = civil.month_of(at)
            assert place >= self._read, "this month was read already"
            self._months[place].append((at, command, by, fields))

    def read(self, place: int) -> Iterator[CommandEnvelope]:
        """Return the commands of a month in order of time; of those at the same instant, as they were added."""
        entries, self._months[place] = sorted(self._months[place], key=itemgetter(0)), []
        self._read = place + 1
        return starmap(self._envelope, entries)

    def _envelope(
        self, at: int, command_class: Callable[..., Command], by: str, fields: dict[str, object]
    ) -> CommandEnvelope:
        instant = civil.as_datetime(at)
        command = command_class(at=instant, by=by, **fields)
        command_id = uuid4(self._ids)
        return CommandEnvelope(
            command=command,
            context=Context(
                acting_id=self._clerks[by],
                organisation_id=by,
                activity=command.ACTIVITY,
                command_id=command_id,
                correlation_id=command_id,
                effective_at=instant,
            ),
        )
