"""Rows that are hard to write as JSON: in every read model, with values at the ends of what a column can hold.

The same few persons, organisations and services are named in all of them, so that rows hang together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from sqlalchemy import Table

from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.graph.queries.node_models import NodeKind, model_and_kind_of
from projections.read_model import Col, ReadModel
from projections.registry import PROJECTIONS
from tests.api.world.access_rows import ORGANISATIONS, PERSONS
from tests.api.world.graph import ERASED
from tests.api.world.rows import AT
from tests.infrastructure.viewed import as_events_fill

ODD_ORGANISATION = 'org "é\\ 🏛'
PARTIES = (*ORGANISATIONS, ODD_ORGANISATION)
SERVICES = tuple(f"service-{at}" for at in range(12))
FAMILIES = ("person", "vehicle", 'odd "family" \\')
MONTHS = ("2021-12", "2022-01", "2022-02", "2022-03")

TEXTS = (
    "plain",
    'with "quotes" and \\ and /',
    "\u0001\u0008\t\n\r\u000c\u001b\u001f\u007f",
    "</script><!-- & ' ` -->",
    "ça été, ß, İ, ﬃ, é",
    "🏛️👩‍👩‍👧 𝔘𝔫𝔦",  # noqa: RUF001 - the same
    "\u2028\u2029\ufeff\u200b\u200f",
    "\\u0041 \\n",
    "null",
    "{}",
    " ",
    "%s %(x)s $1 :p",
    "x" * 3_000,
)
INSTANTS = (
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 123_456, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2022, 3, 27, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2022, 3, 1, 9, 30, 0, 120_000, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999_000, tzinfo=UTC),
)
DAYS = (date(1, 1, 1), date(1969, 12, 31), date(2022, 2, 28), date(2024, 2, 29), date(9999, 12, 31))
NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, -(2**53) - 1, 10**15)
HUGE = 2**63 - 1
HOLD_HUGE = frozenset({"messages", "invoice_counts"})
"""Read models with a row for each of its numbers in which that is huge: too large for a sum with those of others."""

FAULTY: Mapping[str, float] = {"step": 0.02, "enrolment": 0.02, "happening": 0.01}
"""Columns of texts and the share of those that the graph cannot answer: empty, or no member of the enumeration."""

ROWS: Mapping[str, int] = {
    "messages": 150,
    "bus_transactions": 150,
    "message_timeline": 400,
    "invoices": 60,
    "invoice_timeline": 150,
    "keys": 60,
    "services": 60,
    "enrolments": 60,
    "accesses": 130,
    "mandates": 60,
    "consents": 60,
}
USUAL_ROWS = 40


def hard_rows(random: Random) -> Iterator[tuple[Table, Sequence[Mapping[str, Any]]]]:
    """Make rows of every read model, in no order, each with a key of its own."""
    for model in PROJECTIONS:
        yield model.table, _of(model, random)


def _of(model: ReadModel, random: Random) -> Sequence[Mapping[str, Any]]:
    hints, found = _hints(model), {}
    for number in range(ROWS.get(model.name, USUAL_ROWS)):
        columns = model.row.__columns__.items()
        written = as_events_fill({name: _value(column, hints[name], random, number) for name, column in columns})
        if model.name == "messages" and random.random() < 0.2:
            # What the events do not say: a message that several see.
            written["provider_ids"] = random.sample(PARTIES, 2) if written["owner_kind"] == "person" else []
        found[tuple(written[column.name] for column in model.table.primary_key)] = written
    numbers = [name for name, column in model.row.__columns__.items() if column.annotation is int and not column.is_key]
    if model.name in HOLD_HUGE:
        for name, written in zip(numbers, found.values(), strict=False):
            written[name] = HUGE
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Hint:
    """What a column may hold: members of an enumeration if there are any, and whether a text may be empty."""

    members: Sequence[str]
    optional: bool


def _hints(model: ReadModel) -> Mapping[str, _Hint]:
    """Return what the columns hold, as the graph declares them, or else the row."""
    hints = {name: column.annotation for name, column in model.row.__columns__.items()}
    definitions = [it.extensions.get("strawberry-definition") for it in GRAPHQL_SCHEMA.type_map.values()]
    of_model = [
        (known[1] is NodeKind.NODE, origin)
        for origin in (getattr(it, "origin", None) for it in definitions)
        if isinstance(origin, type) and (known := model_and_kind_of(origin)) and known[0] is model
    ]
    hidden = set(hints)
    # What rows are declared to hold counts for more than what groups of them are.
    for _, origin in sorted(of_model, key=lambda it: it[0]):
        shown = {name: hint for name, hint in get_type_hints(origin, include_extras=True).items() if name in hints}
        hints, hidden = hints | shown, hidden - set(shown)
    return {name: _Hint(_members_of(it), name in hidden or NoneType in get_args(it)) for name, it in hints.items()}


def _members_of(hint: Any) -> Sequence[str]:
    if get_origin(hint) in {Union, UnionType, tuple, list}:
        return [it for part in get_args(hint) if part not in {NoneType, ...} for it in _members_of(part)]
    return [str(member.value) for member in hint] if isinstance(hint, type) and issubclass(hint, Enum) else []


POOLS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("person_id", "subject_id", "acting_person_id"), PERSONS),
    **dict.fromkeys(("mailbox_id", "mandator_id", "mandatary_id", "grantor_id"), (*PERSONS, *PARTIES)),
    **dict.fromkeys(
        ("source_id", "target_id", "sender_id", "provider_id", "buyer_id", "received_from", "organisation_id"),
        (*PARTIES, "org-a", "org-a", "nobody"),
    ),
    **dict.fromkeys(("on_behalf_of", "authentic_source_id", "supplier_id"), ("", "", "", *PARTIES)),
    "seller_contact_id": ("", "contact-1", "contact-2"),
    "represented_id": ("", *PARTIES),
    "enterprise_number": ("", *(f"number-{at}" for at in range(5))),
    "supplier_number": tuple(f"number-{at}" for at in range(6)),
    "service_id": SERVICES,
    "service_family": FAMILIES,
    "code": FAMILIES,
    "message_id": tuple(f"message-{at}" for at in range(150)),
    "invoice_id": tuple(f"invoice-{at}" for at in range(60)),
    "in_reply_to": ("", "", "message-1", "message-2"),
    "reply_message_id": ("", "", "message-1", "message-2"),
    "parent_mandate_id": ("", "mandate-1"),
    "month": MONTHS,
    "period": MONTHS,
    "currency": ("EUR", "", "SEK"),
    "projection": ("messages", "people", 'odd "name"'),
}
LISTS: Mapping[str, Sequence[str]] = {
    "service_ids": SERVICES,
    "organisation_ids": PARTIES,
    "provider_ids": PARTIES,
}
NUMBERED: Mapping[str, Sequence[str]] = {"organisations": PARTIES, "people": PERSONS, "services": SERVICES}
"""Read models whose keys are those that the others name."""


def _value(column: Col[Any], hint: _Hint, random: Random, number: int) -> Any:
    if column.column.nullable and random.random() < 0.3:
        return None
    match column.column.type.python_type:
        case of if of is list:
            pool = hint.members or LISTS.get(column.name, TEXTS)
            return [random.choice(pool) for _ in range(random.choice((0, 0, 1, 2)))]
        case of if of is str:
            return _text(column, hint, random, number)
        case of:
            return _plain(of, random, number, is_key=column.is_key)


def _text(column: Col[Any], hint: _Hint, random: Random, number: int) -> str:
    name, read_model = column.name, column.column.table.name.rpartition("_v")[0]
    if column.is_key and read_model in NUMBERED:
        return NUMBERED[read_model][number % len(NUMBERED[read_model])]
    alone = column.is_key and len(column.column.table.primary_key) == 1
    if column.is_key and not hint.members and (name not in POOLS or (alone and name != "mailbox_id")):
        return f"{name.removesuffix('_id')}-{number}"
    if random.random() < (0.2 if hint.optional else FAULTY.get(name, 0)):
        return "unheard-of" if hint.members and not hint.optional and random.random() < 0.5 else ""
    pool = hint.members or POOLS.get(name, (*TEXTS, ERASED))
    return random.choice([it for it in pool if it or hint.optional])


def _plain(of: type, random: Random, number: int, *, is_key: bool) -> Any:
    match of:
        case _ if of is bool:
            return random.random() < 0.5
        case _ if of is int:
            return number if is_key else random.choice(NUMBERS)
        case _ if of is datetime:
            return random.choice(INSTANTS) if random.random() < 0.2 else AT + timedelta(minutes=random.randrange(90))
        case _ if of is date:
            return random.choice(DAYS)
        case _:
            raise NotImplementedError(of)
