"""Consents: one row for each grant, so that a count as of any past date is a plain filter."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, func, or_, select

from domain.access.access import Category
from domain.consent import ConsentGranted, ConsentWithdrawn
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import FIGURES, STAFF, Seen


class GrantStatus(StrEnum):
    """Whether a grant is in force."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class Row(RowBase):
    consent_id: Key[str]
    grant_number: Key[int]
    person_id: Col[str]
    provider_id: Col[str]
    jurisdiction: Col[Jurisdiction]
    status: Col[GrantStatus] = Col(GrantStatus.GRANTED)
    notice_version: Col[str]
    acting_person_id: Col[str]
    mandate_id: Col[str]
    granted_at: Col[datetime]
    withdrawn_at: Col[datetime | None] = Col(None)


def _granted(recorded: Recorded[ConsentGranted]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            consent_id=recorded.aggregate_id,
            grant_number=event.grant_number,
            person_id=event.person_id,
            provider_id=event.provider_id,
            jurisdiction=event.jurisdiction,
            notice_version=event.notice_version,
            acting_person_id=event.acting_person_id,
            mandate_id=event.mandate_id,
            granted_at=recorded.context.effective_at,
        )
    )


def _withdrawn(recorded: Recorded[ConsentWithdrawn]) -> Effects[Row]:
    yield change(
        Row,
        Row.consent_id.to(recorded.aggregate_id),
        Row.grant_number.to(recorded.event.grant_number),
        Row.status.to(GrantStatus.WITHDRAWN),
        Row.withdrawn_at.to(recorded.context.effective_at),
    )


READ_MODEL = ReadModel(
    name="consents",
    version=2,
    row=Row,
    rules={ConsentGranted: _granted, ConsentWithdrawn: _withdrawn},
    indexes={
        "person": (Row.person_id,),
        "provider": (Row.provider_id, Row.granted_at, Row.consent_id, Row.grant_number),
        "granted": (Row.jurisdiction, Row.granted_at),
    },
    lists={"newest": ListOrder((Row.granted_at, Row.consent_id, Row.grant_number), newest_first=True)},
    seen=Seen(parties=(Row.provider_id,), roles=(*STAFF, FIGURES)),
    about={Row.person_id: Category.CONSENTS, Row.acting_person_id: Category.CONSENTS},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def active_consents(jurisdiction: str, as_of: datetime) -> Select[int, int]:
    """Count the grants in force at an instant, and the distinct persons who gave them."""
    return select(func.count().label("consents"), func.count(func.distinct(Row.person_id)).label("persons")).where(
        Row.jurisdiction == jurisdiction,
        Row.granted_at <= as_of,
        or_(Row.withdrawn_at.is_(None), Row.withdrawn_at > as_of),
    )
