"""Legal holds: one row for each, with the purpose whose data it keeps from erasure, its ground and its last day."""

from __future__ import annotations

from datetime import date, datetime

from domain.access.access import Category
from domain.erasure.model import HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.kernel import PurposeGroup, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import OVERSEERS, Seen


class Row(RowBase):
    person_id: Key[str]
    hold_id: Key[str]
    purpose: Col[PurposeGroup]
    ground: Col[HoldGround]
    until: Col[date]
    reference: Col[str]
    placed_at: Col[datetime]
    lifted_at: Col[datetime | None] = Col(None)


def _placed(recorded: Recorded[LegalHoldPlaced]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            person_id=event.person_id,
            hold_id=event.hold_id,
            purpose=event.group,
            ground=event.ground,
            until=event.until,
            reference=event.reference,
            placed_at=recorded.context.effective_at,
        )
    )


def _lifted(recorded: Recorded[LegalHoldLifted]) -> Effects[Row]:
    event = recorded.event
    yield change(
        Row,
        Row.person_id.to(event.person_id),
        Row.hold_id.to(event.hold_id),
        Row.lifted_at.to(recorded.context.effective_at),
    )


READ_MODEL = ReadModel(
    name="legal_holds",
    version=1,
    row=Row,
    rules={LegalHoldPlaced: _placed, LegalHoldLifted: _lifted},
    lists={"newest": ListOrder((Row.placed_at, Row.person_id, Row.hold_id), newest_first=True)},
    seen=Seen(roles=OVERSEERS),
    about={Row.person_id: Category.ERASURES},
)
