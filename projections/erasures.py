"""Erasures: for each person of whom an erasure was requested or something is held, how far it is for each purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, DateTime, Index, Select, Text, or_, select

from domain.erasure import ErasureRequested, ErasureStatus, KeysDestroyed, KeysShredded, LegalHoldPlaced
from domain.kernel import PurposeGroup, Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

MOST_LISTED = 500
"""How many erasures are listed at once."""

TABLE = read_table(
    "erasures",
    1,
    Column("person_id", Text, primary_key=True),
    *(Column(group.value, Text, nullable=False) for group in PurposeGroup),
    Column("held_groups", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True)),
    Column("destroyed_at", DateTime(timezone=True)),
    Column("shredded_at", DateTime(timezone=True)),
    Column("began_at", DateTime(timezone=True), nullable=False),
)
Index("erasures_v1_newest", TABLE.c.began_at, TABLE.c.person_id)


def _begun(recorded: Recorded[Any], values: Mapping[str, Any]) -> Effect:
    """Make the row with the first event of the stream, whichever it is, and change it with the others."""
    key = (recorded.event.person_id,)
    if recorded.version > 1:
        return Set(key, values)
    nothing = {
        **_of((*PurposeGroup,), ErasureStatus.KEPT),
        "held_groups": "",
        "ground": "",
        **dict.fromkeys(("requested_at", "destroyed_at", "shredded_at")),
        "began_at": recorded.context.effective_at,
    }
    return Put(key, {**nothing, **values})


def _of(groups: Sequence[PurposeGroup], status: ErasureStatus) -> Mapping[str, str]:
    return {group.value: status.value for group in groups}


def _requested(recorded: Recorded[ErasureRequested]) -> Iterable[Effect]:
    event = recorded.event
    yield _begun(
        recorded,
        {
            **_of(event.groups, ErasureStatus.REQUESTED),
            "held_groups": ",".join(event.held_groups),
            "ground": event.ground.value,
            "requested_at": recorded.context.effective_at,
        },
    )


def _destroyed(recorded: Recorded[KeysDestroyed]) -> Iterable[Effect]:
    groups = _of(recorded.event.groups, ErasureStatus.DESTROYED)
    yield _begun(recorded, {**groups, "destroyed_at": recorded.context.effective_at})


def _shredded(recorded: Recorded[KeysShredded]) -> Iterable[Effect]:
    groups = _of(recorded.event.groups, ErasureStatus.SHREDDED)
    yield _begun(recorded, {**groups, "shredded_at": recorded.context.effective_at})


def _held(recorded: Recorded[LegalHoldPlaced]) -> Iterable[Effect]:
    # What was requested and is held before it is carried out, is kept.
    yield _begun(recorded, _of((recorded.event.group,), ErasureStatus.KEPT))


PROJECTION = Projection(
    name="erasures",
    version=1,
    table=TABLE,
    rules={
        ErasureRequested: _requested,
        KeysDestroyed: _destroyed,
        KeysShredded: _shredded,
        LegalHoldPlaced: _held,
    },
)

# --- Queries --------------------------------------------------------------------------------------------------------


def statuses_of(row: Any) -> Mapping[PurposeGroup, ErasureStatus]:  # noqa: ANN401 - a row of the table
    """Return how far the erasure of each purpose is."""
    return {group: ErasureStatus(getattr(row, group.value)) for group in PurposeGroup}


def least_of(statuses: Iterable[ErasureStatus]) -> ErasureStatus:
    """Return how far the erasure as a whole is: as far as the least of what is being erased; kept if nothing is."""
    steps = list(ErasureStatus)
    return min((it for it in statuses if it is not ErasureStatus.KEPT), key=steps.index, default=ErasureStatus.KEPT)


def asked_for(*, open_only: bool) -> Select[*tuple[Any, ...]]:
    """Select erasures that were requested, the newest first; only those not carried out to the end, if wanted."""
    under_way = (ErasureStatus.REQUESTED.value, ErasureStatus.DESTROYED.value)
    is_open = or_(*(TABLE.c[group.value].in_(under_way) for group in PurposeGroup))
    wanted = is_open if open_only else TABLE.c.requested_at.is_not(None)
    return select(TABLE).where(wanted).order_by(TABLE.c.requested_at.desc(), TABLE.c.person_id).limit(MOST_LISTED)
