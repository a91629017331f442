"""Use of online services: authentications and single sign-on accesses by month and audience, for the index."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, Select, Text, select

from domain.identity import AuthenticationSucceeded, ServiceAccessed
from domain.kernel import Recorded
from projections.effects import Add, Effect, Projection, civil_month, read_table
from projections.sums import total

TABLE = read_table(
    "service_use",
    1,
    Column("month", Text, primary_key=True),
    Column("jurisdiction", Text, primary_key=True),
    Column("audience", Text, primary_key=True),
    Column("service_id", Text, primary_key=True),
    Column("uses", BigInteger, nullable=False),
)
Index("service_use_v1_audience", TABLE.c.jurisdiction, TABLE.c.audience, TABLE.c.month)


def _used(recorded: Recorded[AuthenticationSucceeded] | Recorded[ServiceAccessed]) -> Iterable[Effect]:
    event = recorded.event
    month = civil_month(recorded.context.effective_at)
    yield Add((month, event.jurisdiction.value, event.audience.value, event.service_id), {"uses": 1})


PROJECTION = Projection(
    name="service_use",
    version=1,
    table=TABLE,
    rules={AuthenticationSucceeded: _used, ServiceAccessed: _used},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def uses_by_service(jurisdiction: str, audience: str, first_month: str, last_month: str) -> Select[str, str, int]:
    """Sum the uses of each service in each month: what chain-linking needs when a service joins."""
    return (
        select(TABLE.c.month, TABLE.c.service_id, total(TABLE.c.uses).label("uses"))
        .where(
            TABLE.c.jurisdiction == jurisdiction,
            TABLE.c.audience == audience,
            TABLE.c.month.between(first_month, last_month),
        )
        .group_by(TABLE.c.month, TABLE.c.service_id)
        .order_by(TABLE.c.month, TABLE.c.service_id)
    )
