"""Consents to digital post, and how many are in force at any instant."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.groups import by_columns, by_month, counted, counted_once
from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from api.graph.queries.sources import also_reads
from api.graph.queries.values import Long, described
from api.graph.types.organisations import organisation_in
from api.rights.graph import asked_of, right_of_rows
from domain.kernel import Jurisdiction
from projections.consents import READ_MODEL, Row, active_consents


@of_row(READ_MODEL, "Consent", "One grant of a person to receive digital post at a mailbox provider.", id_of_key=True)
class ConsentNode:
    notice_version: str | None
    mandate_id: strawberry.ID | None

    provider = organisation_in(Row.provider_id)


@asked_of(right_of_rows(READ_MODEL))
@strawberry.type(description="Grants in force, and the persons who gave them: the two differ.")
class ActiveConsents:
    as_of: datetime
    consents: Long
    persons: Long


@strawberry.type
class ConsentQueries:
    consents = Listed(
        ConsentNode,
        (Row.person_id, Row.provider_id, Row.jurisdiction, Row.granted_at, Row.withdrawn_at),
        any_of=(Row.status,),
        by=(by_month(Row.granted_at), *by_columns(Row.provider_id, Row.status, Row.jurisdiction)),
        totals={"consents": counted(), "persons": counted_once(Row.person_id)},
    ).field("newest", "Grants of consent, the newest first.")

    @described(
        "How many consents were in force at an instant, by default now.",
        right=right_of_rows(READ_MODEL),
        metadata=also_reads(READ_MODEL),
    )
    async def active_consents(
        self, info: Info, jurisdiction: Jurisdiction, as_of: datetime | None = None
    ) -> ActiveConsents:
        at = as_of or info.context.request.now
        (found,) = await info.context.visible_rows(Row.table, active_consents(jurisdiction.value, at))
        return ActiveConsents(as_of=at, consents=found.consents, persons=found.persons)
