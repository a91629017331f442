"""Accesses: who looked at whose data, of which kind, and why: one row for each look, person and category."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, DateTime, Index, Select, Text, func, select

from domain.access import AccessRecorded
from domain.kernel import Recorded
from projections import organisations
from projections.effects import Effect, Projection, Put, read_table

TABLE = read_table(
    "accesses",
    1,
    Column("access_id", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("organisation_id", Text, nullable=False),
    Column("supplier_id", Text, nullable=False),
    Column("acting_id", Text, nullable=False),
    Column("automated", Boolean, nullable=False),
    Column("activity", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("accessed_at", DateTime(timezone=True), nullable=False),
)
Index("accesses_v1_subject", TABLE.c.subject_id, TABLE.c.accessed_at, TABLE.c.access_id, TABLE.c.category)
Index("accesses_v1_newest", TABLE.c.accessed_at, TABLE.c.access_id, TABLE.c.subject_id, TABLE.c.category)


def _recorded(recorded: Recorded[AccessRecorded]) -> Iterable[Effect]:
    event = recorded.event
    row = {
        "organisation_id": event.on_behalf_of,
        "supplier_id": event.supplier_id,
        "acting_id": recorded.context.acting_id,
        "automated": event.automated,
        "activity": recorded.context.activity,
        "outcome": event.outcome.value,
        "accessed_at": recorded.context.effective_at,
    }
    for look in event.looks:
        for category in look.categories:
            yield Put((event.access_id, look.subject_id, category.value), row)


PROJECTION = Projection(name="accesses", version=1, table=TABLE, rules={AccessRecorded: _recorded})

# --- Queries --------------------------------------------------------------------------------------------------------


def usages(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Select each look once, with its categories and the name of the organisation, the newest first."""
    c, by = TABLE.c, organisations.TABLE.c
    once = (
        *(c.access_id, c.organisation_id, c.activity, c.automated, c.accessed_at),
        *(by.name_nl, by.name_fr, by.name_de, by.name_en, by.enterprise_number, by.outside_government),
    )
    return (
        select(*once, func.array_agg(c.category).label("categories"))
        .outerjoin_from(TABLE, organisations.TABLE, by.organisation_id == c.organisation_id)
        .where(*where)
        .group_by(*once)
        .order_by(c.accessed_at.desc(), c.access_id.desc())
    )


def usage_count(*where: ColumnElement[bool]) -> Select[int]:
    return select(func.count(TABLE.c.access_id.distinct())).where(*where)
