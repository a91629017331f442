"""Events to effects: each event is decoded once for all projections; an event that fails is parked, with its stream.

A rule that fails parks its event and all that follow in the same stream, in order, for its projection only: no other
projection and no other stream waits. An event that an administrator skipped has no effects.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from infrastructure.event_log.log_reader import NAME, PAYLOAD, POSITION, STREAM, AnyRecorded, Row
from infrastructure.postgres.failures import summary
from infrastructure.projector.rows.definitions import Definitions, Wanted
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.row_views import views
from infrastructure.projector.rules.generating import Apply
from projections.effects import AnyRule

ESCAPE = b"\\u"
"""How JSON writes a character that does not stand for itself."""

MAX_PLAIN_BYTES = 2_000
"""A payload up to this size holds no text that an index cannot take: the effects of a larger one are checked."""


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose effects were not taken. `error` is empty where an earlier one of its stream failed."""

    row: Row
    error: str


@dataclass(slots=True)
class Fold:
    """One read model at work: its store takes the effects of its rules in order, all those of an event or none."""

    store: RowStore
    skipped: Collection[int] = ()
    parked_streams: set[str] = field(default_factory=set)
    parked: list[Parked] = field(default_factory=list)

    def run(self, rule: AnyRule, recorded: AnyRecorded, row: Row) -> None:
        """Call a rule, and check each of its effects before the first is taken."""
        if self.is_aside(row):
            return
        try:
            effects = tuple(rule(recorded))
            for effect in effects:
                self.store.check(effect)
        except Exception as error:  # noqa: BLE001 - whatever a rule does wrong, its event is parked and reported
            self.park(row, summary(error))
            return
        for effect in effects:
            self.store.take(effect)

    def concerns(self, row: Row) -> bool:
        """Return whether an event is skipped, or follows a parked one."""
        return row[STREAM] in self.parked_streams or row[POSITION] in self.skipped

    def is_aside(self, row: Row) -> bool:
        """Return whether an event is skipped, or parked behind an earlier one."""
        if row[POSITION] in self.skipped:
            return True
        if row[STREAM] in self.parked_streams:
            self.park(row, "")
            return True
        return False

    def park(self, row: Row, error: str) -> None:
        self.parked_streams.add(row[STREAM])
        self.parked.append(Parked(row, error))


def _wanted(definitions: Definitions, folds: Sequence[Fold]) -> Mapping[str, Sequence[Wanted]]:
    """Return the folds with rules for events by the names of these, made once for read models folded together."""
    stores = [fold.store for fold in folds]
    together = tuple((store.model.read_model.name, id(store.functions)) for store in stores)
    known = definitions.wanted.get(together)
    if known is None:
        known = definitions.wanted[together] = {}
        for at, store in enumerate(stores):
            for event, rule in store.model.read_model.rules.items():
                known.setdefault(definitions.codec.names[event], []).append((at, rule, store.functions.get(event)))
    return known


Bound: TypeAlias = tuple[Callable[[bytes], Any], Sequence[tuple[Fold, AnyRule, Apply | None, Any]]]
"""The decoder of the events of a name, and for each fold with a rule for them the rule, its function and the rows."""


class Folding:
    """Runs events through the folds that have rules for them.

    The rows have the basic columns and those that the definitions read beside them.
    """

    def __init__(self, definitions: Definitions, folds: Sequence[Fold]) -> None:
        self._codec = definitions.codec
        self._recorded = views(definitions.further)
        self._folds = folds
        self._wanted = _wanted(definitions, folds)
        self._bound: dict[str, Bound | None] = {}
        self._aside = False
        """Whether any fold has events that it passes over."""

    def feed(self, rows: Iterable[Row]) -> None:
        """Fold events, which come in the order of their streams at least."""
        known = self._bound
        self._aside = any(fold.parked_streams or fold.skipped for fold in self._folds)
        for row in rows:
            name, payload = row[NAME], row[PAYLOAD]
            bound = known[name] if name in known else self._bind(name)
            if bound is None:
                continue
            decode, these = bound
            try:
                event = decode(payload)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the bytes, the event is parked
                self._undecodable(row, error)
                continue
            # PostgreSQL cannot keep some characters, all of them escaped, and an index cannot take a long text.
            plain = ESCAPE not in payload and len(payload) <= MAX_PLAIN_BYTES
            aggregate_id = row[STREAM].partition("-")[2]
            for fold, rule, function, changed in these:
                if function is None or not plain or (self._aside and fold.concerns(row)):
                    self._run(fold, rule, row, event)
                    continue
                try:
                    function(row, event, aggregate_id, changed)
                except Exception:  # noqa: BLE001 - the rule itself says what is wrong
                    self._run(fold, rule, row, event)

    def _run(self, fold: Fold, rule: AnyRule, row: Row, event: object) -> None:
        fold.run(rule, self._recorded(row, event), row)
        self._aside = self._aside or bool(fold.parked_streams)

    def _bind(self, name: str) -> Bound | None:
        """Find the decoder and the folds for the first event of a name; None if no fold has a rule for it."""
        wanted = self._wanted.get(name)
        bound = None
        if wanted is not None:
            these = [(self._folds[at], rule, function, self._folds[at].store.rows) for at, rule, function in wanted]
            bound = self._codec.decoder(name), these
        self._bound[name] = bound
        return bound

    def _undecodable(self, row: Row, error: Exception) -> None:
        """Park an event for all projections but those that only count it: they do not read the payload."""
        kind = self._codec.classes[row[NAME]]
        for at, rule, _ in self._wanted[row[NAME]]:
            fold = self._folds[at]
            if fold.store.model.read_model.tallied:
                self._run(fold, rule, row, object.__new__(kind))
            elif not fold.is_aside(row):
                fold.park(row, summary(error))
                self._aside = True
