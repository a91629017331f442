"""Service families of the bus: one row for each code, with its names and the organisation of its authentic source."""

from __future__ import annotations

from datetime import datetime

from domain.kernel import Recorded
from domain.organisations.service_family import ServiceFamilyRegistered
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, put
from projections.row_security import Seen


class Row(RowBase):
    code: Key[str]
    name_nl: Col[str]
    name_fr: Col[str]
    name_de: Col[str]
    name_en: Col[str]
    authentic_source_id: Col[str]
    registered_at: Col[datetime]


def _registered(recorded: Recorded[ServiceFamilyRegistered]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            code=event.code,
            name_nl=event.names.nl,
            name_fr=event.names.fr,
            name_de=event.names.de,
            name_en=event.names.en,
            authentic_source_id=event.authentic_source_id,
            registered_at=recorded.context.effective_at,
        )
    )


READ_MODEL = ReadModel(
    name="service_families",
    version=1,
    row=Row,
    rules={ServiceFamilyRegistered: _registered},
    lists={"by_code": ListOrder((Row.code,))},
    seen=Seen(everybody=True),
)
