"""Pending deadlines: one row for each, until the event comes that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, select, true

from domain.access.access import Category
from projections.deadlines import access, bus, erasure, identity, invoicing, mailbox, organisations
from projections.deadlines.deadline import Deadline, Row, joined
from projections.read_model import ListOrder, ReadModel
from projections.row_security import Seen

CONTEXTS = (mailbox, identity, bus, invoicing, organisations, erasure, access)

DEADLINES: Mapping[str, Deadline] = {deadline.kind: deadline for context in CONTEXTS for deadline in context.DEADLINES}
"""Every kind of deadline, by its name."""

MAX_LISTED = 1_000

READ_MODEL = ReadModel(
    name="deadlines",
    version=sum(context.VERSION for context in CONTEXTS),
    row=Row,
    rules=joined(DEADLINES.values()),
    indexes={"turn": (Row.kind, Row.organisation_id, Row.due_at, Row.key, Row.part)},
    lists={"due": ListOrder((Row.due_at, Row.kind, Row.key, Row.part))},
    seen=Seen(parties=(Row.organisation_id, Row.counterparty_id, Row.organisation_ids), numbers=(Row.supplier_number,)),
    about={Row.person_id: Category.ERASURES},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def due_before(before: datetime | None) -> Select[*tuple[object, ...]]:
    """Select pending deadlines, those first that fall due first; with an instant, those that are due before it."""
    wanted = true() if before is None else Row.due_at < before
    order = (Row.due_at, Row.kind, Row.key, Row.part)
    return select(Row.table).where(wanted).order_by(*order).limit(MAX_LISTED)
