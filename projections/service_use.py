"""Use of online services: authentications and single sign-on accesses by month and audience, for the index."""

from __future__ import annotations

from sqlalchemy import Select, select

from domain.identity.session import AuthenticationSucceeded, ServiceAccessed
from domain.kernel import Audience, Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.sums import total
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


def uses_by_service(jurisdiction: str, audience: str, first_month: str, last_month: str) -> Select[str, str, int]:
    """Sum the uses of each service in each month: what chain-linking needs when a service joins."""
    return (
        select(Row.month, Row.service_id, total(Row.uses).label("uses"))
        .where(
            Row.jurisdiction == jurisdiction,
            Row.audience == audience,
            Row.month.between(first_month, last_month),
        )
        .group_by(Row.month, Row.service_id)
        .order_by(Row.month, Row.service_id)
    )
