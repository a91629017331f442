"""People: who is registered and by which route, with their number as the log has it: sealed."""

from __future__ import annotations

from datetime import datetime

from domain.access.access import Category
from domain.identity.person import PersonRegistered
from domain.identity.values import Route
from domain.kernel import Jurisdiction, PersonalText, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, put
from projections.row_security import Seen


class Row(RowBase):
    person_id: Key[str]
    jurisdiction: Col[Jurisdiction]
    route: Col[Route]
    number: Col[PersonalText]
    registered_at: Col[datetime]


def _registered(recorded: Recorded[PersonRegistered]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            person_id=event.person_id,
            jurisdiction=event.jurisdiction,
            route=event.route,
            number=event.number,
            registered_at=recorded.context.effective_at,
        )
    )


READ_MODEL = ReadModel(
    name="people",
    version=2,
    row=Row,
    rules={PersonRegistered: _registered},
    indexes={
        "registered": (Row.jurisdiction, Row.registered_at),
    },
    lists={"newest": ListOrder((Row.registered_at, Row.person_id), newest_first=True)},
    seen=Seen(owner=Row.person_id),
    about={Row.person_id: Category.IDENTIFICATION},
)
