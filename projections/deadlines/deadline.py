"""A deadline as data: which events begin it, which end it, and the command that is sent when it falls due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Protocol, TypeAlias

from domain.kernel import Command, CommandBase, Recorded
from domain.kernel.decider import intent_of
from projections.effects import AnyRule
from projections.read_model import Col, Effects, Key, RowBase, drop, put

_FRAME = frozenset(it.name for it in fields(CommandBase))


class Row(RowBase):
    """A pending deadline. `key` is the id of its aggregate, `part` an id within it, empty where there is none.

    The required fields of the command are `key` and `part`, in this order.
    """

    kind: Key[str]
    key: Key[str]
    part: Key[str]
    due_at: Col[datetime]
    command: Col[str]
    stream: Col[str]
    organisation_id: Col[str]
    counterparty_id: Col[str]
    organisation_ids: Col[tuple[str, ...]]
    supplier_number: Col[str]
    person_id: Col[str]
    since: Col[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """When something falls due, and who may see that.

    `organisation_id` is the organisation that it concerns first, `counterparty_id` the other side, `organisation_ids`
    any more; `supplier_number` names an organisation by its number in a register. `person_id` is the person whom the
    ids of the deadline name, if they do.
    """

    due_at: datetime
    part: str = ""
    organisation_id: str = ""
    counterparty_id: str = ""
    organisation_ids: tuple[str, ...] = ()
    supplier_number: str = ""
    person_id: str = ""


Begin: TypeAlias = Callable[..., Iterable[Pending]]
"""Returns what a recorded event lets fall due, if anything. It is traced, as rules are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Something that falls due once. `begins` put its row, or move it; `ends` are the events that remove it.

    `moves` are rules for all else. The required fields of the command are the id of the aggregate and, if it has two,
    the `part` of the deadline. `why` says what it is, in one sentence.
    """

    kind: str
    command: type[Command]
    why: str
    begins: Mapping[type, Begin]
    ends: Sequence[type] = ()
    moves: Mapping[type, AnyRule] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The required fields of the command: one, or two."""
        return tuple(
            it.name
            for it in fields(self.command)
            if it.name not in _FRAME and it.default is MISSING and it.default_factory is MISSING
        )

    def rules(self) -> Iterator[tuple[type, AnyRule]]:
        """Yield the rules of the read model that this deadline adds."""
        for event, begin in self.begins.items():
            yield event, _put(self.kind, intent_of(self.command), begin)
        for event in self.ends:
            yield event, _drop(self.kind)
        yield from self.moves.items()


def _put(kind: str, command: str, begin: Begin) -> AnyRule:
    def rule(recorded: Recorded[object]) -> Effects[Row]:
        for pending in begin(recorded):
            yield put(
                Row(
                    kind=kind,
                    key=recorded.aggregate_id,
                    part=pending.part,
                    due_at=pending.due_at,
                    command=command,
                    stream=recorded.stream,
                    organisation_id=pending.organisation_id,
                    counterparty_id=pending.counterparty_id,
                    organisation_ids=pending.organisation_ids,
                    supplier_number=pending.supplier_number,
                    person_id=pending.person_id,
                    since=recorded.context.effective_at,
                )
            )

    return rule


def _drop(kind: str) -> AnyRule:
    def rule(recorded: Recorded[object]) -> Effects[Row]:
        yield drop(Row, Row.kind.to(kind), Row.key.to(recorded.aggregate_id), Row.part.to(""))

    return rule


class Ending(Protocol):
    """An event that sets an instant at which something ends, or takes it away."""

    @property
    def until(self) -> datetime | None: ...


def without_end(kind: str) -> AnyRule:
    """Make the rule that takes a deadline away where an event sets no instant `until` any more."""

    def rule(recorded: Recorded[Ending]) -> Effects[Row]:
        if recorded.event.until is None:
            yield drop(Row, Row.kind.to(kind), Row.key.to(recorded.aggregate_id), Row.part.to(""))

    return rule


def joined(deadlines: Iterable[Deadline]) -> Mapping[type, AnyRule]:
    """Join the rules of deadlines: an event that concerns several runs the rules of each, in this order."""
    rules: dict[type, AnyRule] = {}
    for deadline in deadlines:
        for event, rule in deadline.rules():
            rules[event] = _both(rules[event], rule) if event in rules else rule
    return rules


def _both(first: AnyRule, second: AnyRule) -> AnyRule:
    def rule(recorded: Recorded[object]) -> Effects[RowBase]:
        yield from first(recorded)
        yield from second(recorded)

    return rule
