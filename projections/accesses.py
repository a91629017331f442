"""Accesses: who saw whose data, of which category, and why: one row for each access, person and category."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, not_, select

from domain.access.access import AccessRecorded, Category
from domain.kernel import Recorded
from projections import access_suppressions, organisations
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, put
from projections.row_security import AUDITOR, Seen


class Row(RowBase):
    access_id: Key[str]
    subject_id: Key[str]
    category: Key[str]
    organisation_id: Col[str]
    supplier_id: Col[str]
    acting_id: Col[str]
    automated: Col[bool]
    activity: Col[str]
    outcome: Col[str]
    accessed_at: Col[datetime]


def _recorded(recorded: Recorded[AccessRecorded]) -> Effects[Row]:
    event, context = recorded.event, recorded.context
    for subject in event.looks:
        for category in subject.categories:
            yield put(
                Row(
                    access_id=event.access_id,
                    subject_id=subject.subject_id,
                    category=category,
                    organisation_id=event.on_behalf_of,
                    supplier_id=event.supplier_id,
                    acting_id=context.acting_id,
                    automated=event.automated,
                    activity=context.activity,
                    outcome=event.outcome,
                    accessed_at=context.effective_at,
                )
            )


READ_MODEL = ReadModel(
    name="accesses",
    version=1,
    row=Row,
    rules={AccessRecorded: _recorded},
    indexes={
        "subject": (Row.subject_id, Row.accessed_at, Row.access_id, Row.category),
    },
    lists={"newest": ListOrder((Row.accessed_at, Row.access_id, Row.subject_id, Row.category), newest_first=True)},
    seen=Seen(owner=Row.subject_id, roles=(AUDITOR,)),
    about={Row.subject_id: Category.ACCESSES},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def visible_to(person_id: str, now: datetime) -> ColumnElement[bool]:
    """Keep the accesses to a person's data that the person may see: all but those under a suppression."""
    hidden = access_suppressions.suppressed(Row.subject_id, Row.organisation_id, Row.accessed_at, now)
    return and_(Row.subject_id == person_id, not_(hidden))


def usages(*where: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    """Select each access once, with its categories and the name of the organisation, the newest first."""
    c, by = Row.table.c, organisations.Row.table.c
    once = (
        *(c.access_id, c.organisation_id, c.activity, c.automated, c.accessed_at),
        *(by.name_nl, by.name_fr, by.name_de, by.name_en, by.enterprise_number, by.outside_government),
    )
    return (
        select(*once, func.array_agg(c.category).label("categories"))
        .outerjoin_from(Row.table, organisations.Row.table, by.organisation_id == c.organisation_id)
        .where(*where)
        .group_by(*once)
        .order_by(c.accessed_at.desc(), c.access_id.desc())
    )


def usage_count(*where: ColumnElement[bool]) -> Select[int]:
    return select(func.count(Row.access_id.distinct())).where(*where)
