"""People: who is registered and by which route, with their number as the log has it: sealed."""

from __future__ import annotations

from datetime import datetime

from domain.identity.person import PersonRegistered
from domain.identity.values import Route
from domain.kernel import Jurisdiction, PersonalText, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, put


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
        "newest": (Row.registered_at, Row.person_id),
        "registered": (Row.jurisdiction, Row.registered_at),
    },
)
TABLE = READ_MODEL.table
