"""Whose data an answer holds: noted where GraphQL makes its objects, each time that one of them is made.

An object stands in an answer if, and only if, the executor completes it: rows that were read ahead, or for a loader, or
that a directive left out, are never completed. A cursor holds the key of its row, and so counts as the row. A count of
what a filter narrows to one person counts as a look at them, unless nothing was counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import GraphQLObjectType, GraphQLResolveInfo
from sqlalchemy import BindParameter, ColumnElement, Row, Table
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import eq
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.web.access_record import Looks
from domain.access.access import Category
from domain.identity.values import PartyKind
from domain.mailbox.values import OwnerKind
from projections import (
    access_suppressions,
    accesses,
    consents,
    erasures,
    invoices,
    keys,
    legal_holds,
    mailboxes,
    mandates,
    messages,
    people,
)


@dataclass(slots=True)
class Held:
    """What an answer holds of which persons, while it is being made.

    `parties` are persons or organisations, and only persons are looked at. `named` are ids that the caller wrote, and
    may be of nobody: nothing of them is kept unless a person is registered under it.
    """

    looks: Looks = field(default_factory=Looks)
    parties: Looks = field(default_factory=Looks)
    named: Looks = field(default_factory=Looks)

    def row(self, table: Table, row: Row[Any]) -> None:
        """Note a row that the answer holds, or of which it holds the key."""
        if table in ROWS:
            ROWS[table](row, self)

    def narrowed(self, table: Table, where: Sequence[ColumnElement[bool]]) -> None:
        """Note that rows were found, or counted, of the persons to whom a filter narrows a table."""
        named = NAMING.get(table)
        if named is None:
            return
        columns, category = named
        for condition in where:
            match condition:
                case BinaryExpression(left=left, right=BindParameter(value=str(value)), operator=operator) if (
                    operator is eq and left.key in columns
                ):
                    self.parties.note(value, category)
                case _:
                    pass


# --- Rows -----------------------------------------------------------------------------------------------------------

Note: TypeAlias = Callable[[Any, Held], None]
"""Notes whom a row, or an object of a type, is about."""


def _person(row: Any, held: Held) -> None:  # noqa: ANN401 - a row of the table, as below
    held.looks.note(row.person_id, Category.IDENTIFICATION)


def _key(row: Any, held: Held) -> None:  # noqa: ANN401
    held.looks.note(row.person_id, Category.KEYS)


def _mandate(row: Any, held: Held) -> None:  # noqa: ANN401
    if row.mandator_kind == PartyKind.PERSON:
        held.looks.note(row.mandator_id, Category.MANDATES)
    for party_id in (row.mandatary_id, row.grantor_id):
        if party_id != row.mandator_id:
            held.parties.note(party_id, Category.MANDATES)


def _consent(row: Any, held: Held) -> None:  # noqa: ANN401
    held.looks.note(row.person_id, Category.CONSENTS)
    held.looks.note(row.acting_person_id, Category.CONSENTS)


def _mailbox(row: Any, held: Held) -> None:  # noqa: ANN401
    if row.owner_kind == OwnerKind.PERSON:
        held.looks.note(row.mailbox_id, Category.MAILBOX)


def _message(row: Any, held: Held) -> None:  # noqa: ANN401
    if row.owner_kind == OwnerKind.PERSON:
        held.looks.note(row.mailbox_id, Category.MESSAGES)


def _invoice(row: Any, held: Held) -> None:  # noqa: ANN401
    if row.seller_contact_id:
        held.looks.note(row.seller_contact_id, Category.INVOICES)


def _erasure(row: Any, held: Held) -> None:  # noqa: ANN401
    held.looks.note(row.person_id, Category.ERASURES)


def _access(row: Any, held: Held) -> None:  # noqa: ANN401
    held.looks.note(row.subject_id, Category.ACCESSES)


def _suppression(row: Any, held: Held) -> None:  # noqa: ANN401
    held.looks.note(row.person_id, Category.ACCESSES)


ROWS: Mapping[Table, Note] = {
    people.TABLE: _person,
    keys.TABLE: _key,
    mandates.TABLE: _mandate,
    consents.TABLE: _consent,
    mailboxes.TABLE: _mailbox,
    messages.TABLE: _message,
    invoices.TABLE: _invoice,
    erasures.TABLE: _erasure,
    legal_holds.TABLE: _erasure,
    accesses.TABLE: _access,
    access_suppressions.TABLE: _suppression,
}

NAMING: Mapping[Table, tuple[frozenset[str], Category]] = {
    keys.TABLE: (frozenset({"person_id"}), Category.KEYS),
    mandates.TABLE: (frozenset({"mandator_id", "mandatary_id"}), Category.MANDATES),
    consents.TABLE: (frozenset({"person_id"}), Category.CONSENTS),
    messages.TABLE: (frozenset({"mailbox_id"}), Category.MESSAGES),
    legal_holds.TABLE: (frozenset({"person_id"}), Category.ERASURES),
    accesses.TABLE: (frozenset({"subject_id"}), Category.ACCESSES),
    access_suppressions.TABLE: (frozenset({"person_id"}), Category.ACCESSES),
}
"""The columns by which a filter can narrow a list to one person."""

# --- Types ----------------------------------------------------------------------------------------------------------

TYPES: Mapping[str, Table] = {
    "Person": people.TABLE,
    "Key": keys.TABLE,
    "Mandate": mandates.TABLE,
    "Consent": consents.TABLE,
    "Mailbox": mailboxes.TABLE,
    "Message": messages.TABLE,
    "Invoice": invoices.TABLE,
    "Erasure": erasures.TABLE,
    "LegalHold": legal_holds.TABLE,
    "Access": accesses.TABLE,
    "AccessSuppression": access_suppressions.TABLE,
}
"""The types whose objects stand for a row about a person."""

WITHIN: Mapping[str, str] = {
    "MessageStep": "Message",
    "InvoiceStep": "Invoice",
    "PersonalText": "Person",
    "ErasureOfPurpose": "Erasure",
}
"""Types whose objects stand only below an object that is noted."""


def _may_act(answer: Any, held: Held) -> None:  # noqa: ANN401 - a MayAct
    """Note the two who were asked about: the answer says something of them, also if it is no."""
    # Where a mandate was found, its parties are registered; else the caller may have written anything.
    parties = held.parties if answer.mandates else held.named
    for party_id in answer.asked_about:
        parties.note(party_id, Category.MANDATES)


def _of_edge(note: Note) -> Note:
    return lambda edge, held: note(edge.node, held)


NOTES: Mapping[str, Note] = {
    **{name: ROWS[table] for name, table in TYPES.items()},
    **{f"{name}Edge": _of_edge(ROWS[table]) for name, table in TYPES.items()},
    "MayAct": _may_act,
}
"""By the name of a type: whom an object of it is about."""


class NotingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as the specification says, and notes whose data the objects of the answer are."""

    def complete_object_value(  # noqa: PLR0917 - as the executor has it
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,  # noqa: ANN401 - the executor's own, as below
        info: GraphQLResolveInfo[Any],
        path: Any,  # noqa: ANN401
        result: Any,  # noqa: ANN401
        position_context: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        note = NOTES.get(return_type.name)
        if note is not None:
            note(result, self.context_value.held)
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)
