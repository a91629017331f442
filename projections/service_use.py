"""Use of online services: authentications and single sign-on accesses by month and audience, for the index."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from domain.identity.session import AuthenticationSucceeded, ServiceAccessed
from domain.kernel import Audience, Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[Jurisdiction]
    audience: Key[Audience]
    service_id: Key[str]
    uses: Col[int]


def _used(recorded: Recorded[AuthenticationSucceeded | ServiceAccessed]) -> Effects[Row]:
    event = recorded.event
    yield add(
        Row,
        Row.month.to(civil_month(recorded.context.effective_at)),
        Row.jurisdiction.to(event.jurisdiction),
        Row.audience.to(event.audience),
        Row.service_id.to(event.service_id),
        Row.uses.to(1),
    )


READ_MODEL = ReadModel(
    name="service_use",
    version=1,
    row=Row,
    rules={AuthenticationSucceeded: _used, ServiceAccessed: _used},
    indexes={
        "audience": (Row.jurisdiction, Row.audience, Row.month),
    },
    seen=Seen(roles=(*STAFF, FIGURES)),
)

# --- Queries --------------------------------------------------------------------------------------------------------


def uses_by_month(
    jurisdiction: str, audience: str, first_month: str, last_month: str
) -> Select[str, list[str], list[int]]:
    """Return for each month the services that were used and, beside each, its uses: what chain-linking needs.

    A list for each month, since tens of thousands of small rows would cost more than all that is computed of them.
    """
    return (
        select(Row.month, func.array_agg(Row.service_id).label("services"), func.array_agg(Row.uses).label("uses"))
        .where(
            Row.jurisdiction == jurisdiction,
            Row.audience == audience,
            Row.month.between(first_month, last_month),
        )
        .group_by(Row.month)
    )
