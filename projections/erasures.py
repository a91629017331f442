"""Erasures: how far the data of each purpose are erased, for each person with a request or a legal hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select

from domain.access.access import Category
from domain.erasure.model import (
    ErasureAsked,
    ErasureRequested,
    ErasureSettled,
    ErasureStatus,
    ErasureWithdrawn,
    Event,
    KeysDestroyed,
    KeysShredded,
    LegalHoldPlaced,
)
from domain.kernel import PurposeGroup, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, change, put
from projections.row_security import Seen

MAX_LISTED = 500
"""Erasures in one list."""


class Row(RowBase):
    person_id: Key[str]
    identification: Col[ErasureStatus] = Col(ErasureStatus.KEPT)
    correspondence: Col[ErasureStatus] = Col(ErasureStatus.KEPT)
    invoicing: Col[ErasureStatus] = Col(ErasureStatus.KEPT)
    held_groups: Col[tuple[PurposeGroup, ...]] = Col(())
    ground: Col[str] = Col("")
    requested_at: Col[datetime | None] = Col(None)
    destroyed_at: Col[datetime | None] = Col(None)
    shredded_at: Col[datetime | None] = Col(None)
    due_at: Col[datetime | None] = Col(None)
    began_at: Col[datetime]


STATUS_OF: Mapping[PurposeGroup, Col[ErasureStatus]] = {
    PurposeGroup.IDENTIFICATION: Row.identification,
    PurposeGroup.CORRESPONDENCE: Row.correspondence,
    PurposeGroup.INVOICING: Row.invoicing,
}
"""The status column of each purpose."""


def _begun(recorded: Recorded[Event], groups: Sequence[PurposeGroup], status: ErasureStatus) -> Effects[Row]:
    """Make the row with the first event of the stream, and set the status of the groups with every event."""
    person_id = recorded.event.person_id
    if recorded.version == 1:
        yield put(
            Row(
                person_id=person_id,
                began_at=recorded.context.effective_at,
            )
        )
    for group, column in STATUS_OF.items():
        if group in groups:
            yield change(Row, Row.person_id.to(person_id), column.to(status))


def _asked(recorded: Recorded[ErasureAsked]) -> Effects[Row]:
    yield from _begun(recorded, (), ErasureStatus.KEPT)
    yield change(Row, Row.person_id.to(recorded.event.person_id), Row.due_at.to(recorded.event.due_at))


def _no_longer_due(recorded: Recorded[ErasureWithdrawn | ErasureSettled]) -> Effects[Row]:
    yield change(Row, Row.person_id.to(recorded.event.person_id), Row.due_at.to(None))


def _requested(recorded: Recorded[ErasureRequested]) -> Effects[Row]:
    event = recorded.event
    yield from _begun(recorded, event.groups, ErasureStatus.REQUESTED)
    yield change(
        Row,
        Row.person_id.to(event.person_id),
        Row.held_groups.to(event.held_groups),
        Row.ground.to(event.ground),
        Row.requested_at.to(recorded.context.effective_at),
    )
    if event.session_id:
        yield change(Row, Row.person_id.to(event.person_id), Row.due_at.to(None))


def _destroyed(recorded: Recorded[KeysDestroyed]) -> Effects[Row]:
    event = recorded.event
    yield from _begun(recorded, event.groups, ErasureStatus.DESTROYED)
    yield change(Row, Row.person_id.to(event.person_id), Row.destroyed_at.to(recorded.context.effective_at))


def _shredded(recorded: Recorded[KeysShredded]) -> Effects[Row]:
    event = recorded.event
    yield from _begun(recorded, event.groups, ErasureStatus.SHREDDED)
    yield change(Row, Row.person_id.to(event.person_id), Row.shredded_at.to(recorded.context.effective_at))


def _held(recorded: Recorded[LegalHoldPlaced]) -> Effects[Row]:
    # A hold that is placed before the keys are destroyed keeps them.
    yield from _begun(recorded, (recorded.event.group,), ErasureStatus.KEPT)


READ_MODEL = ReadModel(
    name="erasures",
    version=3,
    row=Row,
    rules={
        ErasureAsked: _asked,
        ErasureWithdrawn: _no_longer_due,
        ErasureSettled: _no_longer_due,
        ErasureRequested: _requested,
        KeysDestroyed: _destroyed,
        KeysShredded: _shredded,
        LegalHoldPlaced: _held,
    },
    lists={"newest": ListOrder((Row.began_at, Row.person_id), newest_first=True)},
    seen=Seen(owner=Row.person_id),
    about={Row.person_id: Category.ERASURES},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def statuses_of(row: object) -> Mapping[PurposeGroup, ErasureStatus]:
    """Return the status of each purpose from a row of the table."""
    return {group: ErasureStatus(getattr(row, group.value)) for group in PurposeGroup}


def least_of(statuses: Iterable[ErasureStatus]) -> ErasureStatus:
    """Return the status of the whole erasure: the earliest of the purposes that are being erased; kept if none is."""
    steps = list(ErasureStatus)
    erased = (status for status in statuses if status is not ErasureStatus.KEPT)
    return min(erased, key=steps.index, default=ErasureStatus.KEPT)


def asked_for(*, open_only: bool) -> Select[*tuple[object, ...]]:
    """Select erasures that were requested, the newest first; with `open_only`, those that are not complete."""
    under_way = (ErasureStatus.REQUESTED, ErasureStatus.DESTROYED)
    is_open = or_(*(column.in_(under_way) for column in STATUS_OF.values()))
    wanted = is_open if open_only else Row.requested_at.is_not(None)
    return select(Row.table).where(wanted).order_by(Row.requested_at.desc(), Row.person_id).limit(MAX_LISTED)
