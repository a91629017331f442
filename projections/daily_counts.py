"""Daily counts: how many events of each kind happened on each civil day for each organisation.

It counts every event of every context, and the streams that they began. Its rules are data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Date, Index, Text

from domain import access, bus, consent, erasure, identity, invoicing, mailbox, operation, organisations
from domain.kernel import Decider
from projections.effects import Projection, read_table
from projections.tally import Measure, StoredName, Tally, Typed

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    *organisations.DECIDERS,
    *identity.DECIDERS,
    consent.DECIDER,
    *mailbox.DECIDERS,
    *bus.DECIDERS,
    *invoicing.DECIDERS,
    operation.DECIDER,
    *access.DECIDERS,
    erasure.DECIDER,
)
NAMES: Mapping[type, str] = {event: name for decider in DECIDERS for name, event in decider.events.items()}

TABLE = read_table(
    "daily_counts",
    2,
    Column("day", Date, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("organisation_id", Text, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("streams", BigInteger, nullable=False),
)
Index("daily_counts_v2_organisation", TABLE.c.organisation_id, TABLE.c.day)

EVERY_EVENT = Tally(
    key=(Typed.CIVIL_DAY, StoredName(NAMES), Typed.ORGANISATION),
    amounts={"events": Measure.EVENTS, "streams": Measure.STREAMS},
)
PROJECTION = Projection(name="daily_counts", version=2, table=TABLE, rules=dict.fromkeys(NAMES, EVERY_EVENT))

# --- Queries --------------------------------------------------------------------------------------------------------


def within(first_day: date | None, last_day: date | None) -> Sequence[ColumnElement[bool]]:
    """Keep the days from the first to the last, both included; either may be left out."""
    since = [TABLE.c.day >= first_day] if first_day is not None else []
    return since + ([TABLE.c.day <= last_day] if last_day is not None else [])
