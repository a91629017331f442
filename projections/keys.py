"""Keys: one row for each means that an identity provider gave a person, with its status and its evidence."""

from __future__ import annotations

from datetime import datetime

from domain.access.access import Category
from domain.identity.key import KeyActivated, KeyEvent, KeyExpired, KeyRegistered, KeyResumed, KeyRevoked, KeySuspended
from domain.identity.values import KeyStatus, Means
from domain.kernel import Jurisdiction, LevelOfAssurance, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, Rule, change, put
from projections.row_security import Seen


class Row(RowBase):
    key_id: Key[str]
    person_id: Col[str]
    provider_id: Col[str]
    means: Col[Means]
    level: Col[LevelOfAssurance]
    jurisdiction: Col[Jurisdiction]
    status: Col[KeyStatus] = Col(KeyStatus.REGISTERED)
    evidence_kind: Col[str] = Col("")
    evidence_id: Col[str] = Col("")
    registered_at: Col[datetime]
    activated_at: Col[datetime | None] = Col(None)
    suspended_at: Col[datetime | None] = Col(None)
    ended_at: Col[datetime | None] = Col(None)
    valid_until: Col[datetime | None]


def _registered(recorded: Recorded[KeyRegistered]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            key_id=event.key_id,
            person_id=event.person_id,
            provider_id=event.provider_id,
            means=event.means,
            level=event.level,
            jurisdiction=event.jurisdiction,
            registered_at=recorded.context.effective_at,
            valid_until=event.valid_until,
        )
    )


def _activated(recorded: Recorded[KeyActivated]) -> Effects[Row]:
    yield change(
        Row,
        Row.key_id.to(recorded.event.key_id),
        Row.status.to(KeyStatus.ACTIVE),
        Row.evidence_kind.to(recorded.event.evidence.kind),
        Row.evidence_id.to(recorded.event.evidence.evidence_id),
        Row.activated_at.to(recorded.context.effective_at),
    )


def _resumed(recorded: Recorded[KeyResumed]) -> Effects[Row]:
    key = Row.key_id.to(recorded.event.key_id)
    yield change(Row, key, Row.status.to(KeyStatus.ACTIVE), Row.suspended_at.to(None))


def _moved(status: KeyStatus, instant: Col[datetime | None]) -> Rule[Row]:
    def rule(recorded: Recorded[KeyEvent]) -> Effects[Row]:
        key = Row.key_id.to(recorded.event.key_id)
        yield change(Row, key, Row.status.to(status), instant.to(recorded.context.effective_at))

    return rule


READ_MODEL = ReadModel(
    name="keys",
    version=2,
    row=Row,
    rules={
        KeyRegistered: _registered,
        KeyActivated: _activated,
        KeySuspended: _moved(KeyStatus.SUSPENDED, Row.suspended_at),
        KeyResumed: _resumed,
        KeyRevoked: _moved(KeyStatus.REVOKED, Row.ended_at),
        KeyExpired: _moved(KeyStatus.EXPIRED, Row.ended_at),
    },
    indexes={
        "person": (Row.person_id, Row.key_id),
        "provider": (Row.provider_id, Row.registered_at, Row.key_id),
        "means": (Row.jurisdiction, Row.means, Row.status),
    },
    lists={"newest": ListOrder((Row.registered_at, Row.key_id), newest_first=True)},
    seen=Seen(parties=(Row.provider_id,)),
    about={Row.person_id: Category.KEYS},
)
