"""Suppressions: which accesses to a person's data are withheld from the person, until when and on whose order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.sql.elements import SQLCoreOperations

from domain.access.access import Category
from domain.access.suppression import AccessesSuppressed, SuppressionLifted
from domain.kernel import Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import AUDITOR, Seen


class Row(RowBase):
    suppression_id: Key[str]
    person_id: Col[str]
    organisation_id: Col[str]
    since: Col[datetime]
    until: Col[datetime]
    ground: Col[str]
    ordered_by: Col[str]
    ordered_at: Col[datetime]
    lifted_ground: Col[str] = Col("")
    lifted_by: Col[str] = Col("")
    lifted_at: Col[datetime | None] = Col(None)


def _suppressed(recorded: Recorded[AccessesSuppressed]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            suppression_id=event.suppression_id,
            person_id=event.person_id,
            organisation_id=event.organisation_id,
            since=event.since,
            until=event.until,
            ground=event.ground,
            ordered_by=recorded.context.acting_id,
            ordered_at=recorded.context.effective_at,
        )
    )


def _lifted(recorded: Recorded[SuppressionLifted]) -> Effects[Row]:
    event, context = recorded.event, recorded.context
    yield change(
        Row,
        Row.suppression_id.to(event.suppression_id),
        Row.lifted_ground.to(event.ground),
        Row.lifted_by.to(context.acting_id),
        Row.lifted_at.to(context.effective_at),
    )


READ_MODEL = ReadModel(
    name="access_suppressions",
    version=1,
    row=Row,
    rules={
        AccessesSuppressed: _suppressed,
        SuppressionLifted: _lifted,
    },
    indexes={
        "person": (Row.person_id, Row.organisation_id),
    },
    lists={"newest": ListOrder((Row.ordered_at, Row.suppression_id), newest_first=True)},
    seen=Seen(owner=Row.person_id, withheld=True, roles=(AUDITOR,)),
    about={Row.person_id: Category.ACCESSES},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def suppressed(
    person_id: SQLCoreOperations[str],
    organisation_id: SQLCoreOperations[str],
    accessed_at: SQLCoreOperations[datetime],
    now: datetime,
) -> ColumnElement[bool]:
    """Say whether an access of an organisation to a person's data is withheld from the person now."""
    return exists(
        select(Row.suppression_id).where(
            Row.person_id == person_id,
            Row.organisation_id == organisation_id,
            Row.since <= accessed_at,
            Row.until > now,
            Row.lifted_at.is_(None),
        )
    )
