"""Events to effects: each event is decoded once for all projections, and what fails is parked, with its stream.

A rule that fails parks its event and all that follow in the same stream, in order, for its projection only: no other
projection and no other stream waits. What was skipped on an administrator's word leads to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from domain.kernel import Recorded
from infrastructure.event_log.log_reader import NAME, PAYLOAD, POSITION, STREAM, VERSION, Row
from infrastructure.event_log.log_statements import FURTHER_COLUMNS
from infrastructure.postgres.failures import summary
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.row_views import views
from projections.effects import AnyEffect, AnyRule
from projections.read_model import ReadModel

Check: TypeAlias = Callable[[AnyEffect], None]
"""Raises MisfitError for an effect that the table cannot take."""


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose effects were not taken. `error` is empty where an earlier one of its stream failed."""

    row: Row
    error: str

    def columns(self) -> tuple[int, str, int, str, str]:
        """Return position, stream, version, name and error."""
        row = self.row
        return row[POSITION], row[STREAM], row[VERSION], row[NAME], self.error


@dataclass(slots=True)
class Fold:
    """One projection at work. `take` gets its effects in order, all those of an event or none.

    `check` looks at each effect first, so that one that cannot be written parks its event; without it that is noticed
    later, by whoever writes.
    """

    projection: ReadModel
    take: Callable[[AnyEffect], object]
    check: Check | None
    skipped: Collection[int] = ()
    parked_streams: set[str] = field(default_factory=set)
    parked: list[Parked] = field(default_factory=list)

    def run(self, rule: AnyRule, recorded: Recorded[Any], row: Row) -> None:
        if (self.skipped or self.parked_streams) and self._set_aside(row):
            return
        try:
            effects = tuple(rule(recorded))
            if self.check is not None:
                for effect in effects:
                    self.check(effect)
        except Exception as error:  # noqa: BLE001 - whatever a rule does wrong, its event is parked and told
            self.park(row, summary(error))
            return
        take = self.take
        for effect in effects:
            take(effect)

    def _set_aside(self, row: Row) -> bool:
        """Return whether the event is skipped, or parked behind an earlier one."""
        if row[POSITION] in self.skipped:
            return True
        if row[STREAM] in self.parked_streams:
            self.park(row, "")
            return True
        return False

    def fail(self, row: Row, error: Exception) -> None:
        """Note that the event cannot even be decoded."""
        if not self._set_aside(row):
            self.park(row, summary(error))

    def park(self, row: Row, error: str) -> None:
        self.parked_streams.add(row[STREAM])
        self.parked.append(Parked(row, error))


class Folding:
    """Runs events through the folds that have rules for them.

    The rows have the basic columns and the `further` ones; `MissingColumn` is raised where a rule looks at another.
    """

    def __init__(
        self, definitions: Definitions, folds: Sequence[Fold], further: Sequence[str] = FURTHER_COLUMNS
    ) -> None:
        codec = definitions.codec
        self._decode = codec.decode
        self._recorded = views(further)
        self._classes = codec.classes
        self._wanted: dict[str, list[tuple[Fold, AnyRule]]] = {}
        for fold in folds:
            for event, rule in fold.projection.rules.items():
                self._wanted.setdefault(codec.names[event], []).append((fold, rule))

    def feed(self, rows: Iterable[Row]) -> None:
        """Fold events, which come in the order of their streams at least."""
        wanted, decode, complete = self._wanted.get, self._decode, self._recorded
        for row in rows:
            if (folds := wanted(row[NAME])) is None:
                continue
            try:
                event = decode(row[NAME], row[PAYLOAD])
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the bytes, the event is parked and told
                self._undecodable(row, folds, error)
                continue
            recorded = complete(row, event)
            for fold, rule in folds:
                fold.run(rule, recorded, row)

    def _undecodable(self, row: Row, folds: Sequence[tuple[Fold, AnyRule]], error: Exception) -> None:
        """Park an event for all but those who only count it: they look at what stands beside the payload."""
        kind = self._classes[row[NAME]]
        for fold, rule in folds:
            if fold.projection.tallied:
                fold.run(rule, self._recorded(row, object.__new__(kind)), row)
            else:
                fold.fail(row, error)
