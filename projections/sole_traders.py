"""Sole traders: the enterprises that are a natural person, with the name of each as the log has it: sealed."""

from __future__ import annotations

from datetime import datetime

from domain.access.access import Category
from domain.kernel import Jurisdiction, PersonalText, Recorded
from domain.organisations.organisation.model import SoleTraderDeclared
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, put
from projections.row_security import Seen


class Row(RowBase):
    organisation_id: Key[str]
    jurisdiction: Col[Jurisdiction]
    trader_name: Col[PersonalText]
    declared_at: Col[datetime]


def _declared(recorded: Recorded[SoleTraderDeclared]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            organisation_id=event.organisation_id,
            jurisdiction=event.jurisdiction,
            trader_name=event.trader_name,
            declared_at=recorded.context.effective_at,
        )
    )


READ_MODEL = ReadModel(
    name="sole_traders",
    version=1,
    row=Row,
    rules={SoleTraderDeclared: _declared},
    lists={"newest": ListOrder((Row.declared_at, Row.organisation_id), newest_first=True)},
    seen=Seen(owner=Row.organisation_id),
    about={Row.organisation_id: Category.IDENTIFICATION},
)
