"""Pending deadlines: one row for each, until the event comes that ends it."""

from __future__ import annotations

from collections.abc import Mapping

from domain.access.access import Category
from projections.deadlines import access, bus, erasure, identity, invoicing, mailbox, organisations
from projections.deadlines.deadline import Deadline, Row, joined
from projections.read_model import ListOrder, ReadModel
from projections.row_security import Seen

DEADLINES: Mapping[str, Deadline] = {
    deadline.kind: deadline
    for context in (mailbox, identity, bus, invoicing, organisations, erasure, access)
    for deadline in context.DEADLINES
}
"""Every kind of deadline, by its name."""

READ_MODEL = ReadModel(
    name="deadlines",
    version=1,
    row=Row,
    rules=joined(DEADLINES.values()),
    indexes={"turn": (Row.kind, Row.organisation_id, Row.due_at, Row.key, Row.part)},
    lists={"due": ListOrder((Row.due_at, Row.kind, Row.key, Row.part))},
    seen=Seen(parties=(Row.organisation_id, Row.counterparty_id, Row.organisation_ids), numbers=(Row.supplier_number,)),
    about={Row.person_id: Category.ERASURES},
)
