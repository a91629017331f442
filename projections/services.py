"""Services: one row for each online service, from its registration to its closure."""

from __future__ import annotations

from datetime import datetime

from domain.kernel import Audience, Jurisdiction, LevelOfAssurance, Recorded
from domain.organisations.service import ServiceClosed, ServiceRegistered
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import FIGURES, STAFF, Seen


class Row(RowBase):
    service_id: Key[str]
    organisation_id: Col[str]
    name_nl: Col[str]
    name_fr: Col[str]
    name_de: Col[str]
    name_en: Col[str]
    audience: Col[Audience]
    minimum_level: Col[LevelOfAssurance]
    jurisdiction: Col[Jurisdiction]
    registered_at: Col[datetime]
    closed_at: Col[datetime | None] = Col(None)


def _registered(recorded: Recorded[ServiceRegistered]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            service_id=event.service_id,
            organisation_id=event.organisation_id,
            name_nl=event.names.nl,
            name_fr=event.names.fr,
            name_de=event.names.de,
            name_en=event.names.en,
            audience=event.audience,
            minimum_level=event.minimum_level,
            jurisdiction=event.jurisdiction,
            registered_at=recorded.context.effective_at,
        )
    )


def _closed(recorded: Recorded[ServiceClosed]) -> Effects[Row]:
    yield change(Row, Row.service_id.to(recorded.event.service_id), Row.closed_at.to(recorded.context.effective_at))


READ_MODEL = ReadModel(
    name="services",
    version=1,
    row=Row,
    rules={ServiceRegistered: _registered, ServiceClosed: _closed},
    indexes={
        "organisation": (Row.organisation_id, Row.service_id),
        "registered": (Row.jurisdiction, Row.registered_at),
    },
    lists={"by_id": ListOrder((Row.service_id,))},
    seen=Seen(everybody=True, roles=(*STAFF, FIGURES)),
)
