"""People without personal data, their keys, authentications in numbers, and mandates: who may act for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

import strawberry

from api.graph.queries.disclosure import Disclosure
from api.graph.queries.groups import by_columns, counted
from api.graph.queries.personal_text import personal_text
from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed, children_of, groups_of, one_of
from api.graph.queries.row_types import of_counts, of_row
from api.graph.queries.sources import also_reads
from api.graph.queries.values import described
from api.graph.types.erasure import ErasureNode, erasure_of
from api.graph.types.organisations import organisation_in, service_in, service_of
from api.rights.graph import GraphRight, asked_of, right_of_rows
from api.web.errors import Problem
from application.ports import Caller, Role
from domain.access.access import Category
from domain.identity.person import PERSON, PersonRegistered
from domain.identity.values import EvidenceKind
from projections import authentications, key_uses, keys, mandates, people, service_use, services
from projections.authentications import Row as AuthenticationRow
from projections.key_uses import Row as KeyUseRow
from projections.keys import Row as KeyRow
from projections.mandates import Row as MandateRow
from projections.people import Row as PersonRow
from projections.row_security import rows_seen
from projections.service_use import Row as UseRow

MAX_MANDATES = 20
"""Mandates that one answer names; one is enough to act."""

OF_MANDATES = right_of_rows(mandates.READ_MODEL)
MAY_ACT = GraphRight(
    agencies="about its own services, others are refused with `not-your-service`; and the mandates that say so"
)

READ_FOR_MAY_ACT = also_reads(services.READ_MODEL, mandates.READ_MODEL)

# --- Types ----------------------------------------------------------------------------------------------------------


@of_row(keys.READ_MODEL, "Key", "A key: a means of identification that a provider gave a person.")
class KeyNode:
    evidence_kind: EvidenceKind | None
    evidence_id: strawberry.ID | None

    provider = organisation_in(KeyRow.provider_id)


@of_row(people.READ_MODEL, "Person", "A registered person, and how they were registered. No name is known here.")
class PersonNode:
    number = personal_text(
        PersonRow.number,
        PERSON.stream,
        PersonRegistered,
        "The national number or, from another member state, the eIDAS identifier.",
    )

    @described("How far their erasure is, if any of their data was to be erased.")
    async def erasure(self, info: Info, row: strawberry.Parent[PersonRow]) -> ErasureNode | None:
        return await erasure_of(info, row.person_id)

    keys = children_of(KeyNode, KeyRow.person_id, "The keys that the caller may see; at most 200.")


@of_row(
    mandates.READ_MODEL,
    "Mandate",
    "A mandate during one stretch of time: a suspension ends it, a resumption begins the next.",
    hide=(MandateRow.organisation_ids, MandateRow.represented_id),
    id_of_key=True,
)
class MandateNode:
    parent_mandate_id: strawberry.ID | None
    service_ids: list[strawberry.ID] = strawberry.field(
        description="The services that it covers; none stands for every service."
    )


@asked_of(MAY_ACT)
@strawberry.type(description="Whether one may act for another, and the mandates that say so.")
class MayAct:
    at: datetime
    allowed: bool
    mandates: list[MandateNode]
    asked_about: strawberry.Private[tuple[str, str]]

    def disclose(self, disclosure: Disclosure) -> None:
        """Note both parties: the answer says something of them, also if it is no."""
        # Where a mandate was found, its parties are registered; else the caller may have written anything.
        parties = disclosure.parties if self.mandates else disclosure.named
        for party_id in self.asked_about:
            parties.note(party_id, Category.MANDATES)


@of_counts(
    authentications.READ_MODEL,
    "AuthenticationCount",
    "How many authentications there were in a group.",
    hide=(AuthenticationRow.organisation_id,),
)
class AuthenticationCount:
    service = service_in(AuthenticationRow.service_id)


@of_counts(
    service_use.READ_MODEL,
    "ServiceUse",
    "How often services were used, single sign-on included: what the index rests on.",
)
class ServiceUse:
    service = service_in(UseRow.service_id)


@of_counts(key_uses.READ_MODEL, "KeyUse", "How often means of DigiD were used: by this it is known when one is unused.")
class KeyUse:
    pass


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class IdentityQueries:
    person = one_of(PersonNode)
    people = Listed(PersonNode, (PersonRow.jurisdiction, PersonRow.registered_at), any_of=(PersonRow.route,)).field(
        "newest", "Registered persons, the newest first."
    )
    key = one_of(KeyNode)
    keys = Listed(
        KeyNode,
        (KeyRow.person_id, KeyRow.provider_id, KeyRow.jurisdiction, KeyRow.registered_at),
        any_of=(KeyRow.means, KeyRow.level, KeyRow.status),
        by=by_columns(KeyRow.means, KeyRow.status, KeyRow.level, KeyRow.provider_id, KeyRow.jurisdiction),
        totals={"keys": counted()},
    ).field("newest", "Keys, the newest first.")
    mandates = Listed(
        MandateNode,
        (MandateRow.mandator_id, MandateRow.mandatary_id, MandateRow.jurisdiction, MandateRow.began_at),
        any_of=(MandateRow.kind, MandateRow.status),
    ).field("newest", "Mandates as they stand now, the newest first.")

    @described("The history of one mandate, a row for each stretch, the oldest first; at most 200.", right=OF_MANDATES)
    async def mandate_history(self, info: Info, mandate_id: strawberry.ID) -> list[MandateNode]:
        return await info.context.load_many(MandateNode, MandateRow.mandate_id, mandate_id, MandateRow.period)

    @described(
        "May A act for B at service S? At any instant, by default now.",
        right=MAY_ACT,
        metadata=READ_FOR_MAY_ACT,
    )
    async def may_act(
        self,
        info: Info,
        mandatary_id: strawberry.ID,
        mandator_id: strawberry.ID,
        service_id: strawberry.ID,
        at: datetime | None = None,
    ) -> MayAct:
        context, instant = info.context, at or info.context.request.now
        service = await service_of(info, service_id)
        if service is None:
            raise Problem(404, "service-not-found", "There is no service with this id.")
        if not mandatary_id or not mandator_id:
            raise Problem(422, "party-missing", "Name who wants to act, and for whom.")
        check_own_service(context.request.caller, service.organisation_id)
        # A mandate for every service is shown to callers that name the mandator.
        viewer = replace(context.viewer, identifiers=(mandator_id,))
        query = mandates.mandates_in_force(
            at=instant, mandatary_id=mandatary_id, mandator_id=mandator_id, service_id=service_id
        )
        seen = query.where(rows_seen(mandates.Row.table, viewer)).order_by(MandateRow.mandate_id).limit(MAX_MANDATES)
        found = cast("list[MandateNode]", list(await context.rows(seen, viewer)))
        about = (mandatary_id, mandator_id)
        return MayAct(at=instant, allowed=bool(found), mandates=found, asked_about=about)

    authentications = groups_of(
        AuthenticationCount,
        "Authentications in groups; agencies see those at their own services.",
        (AuthenticationRow.jurisdiction, AuthenticationRow.outcome),
        any_of=(
            *(AuthenticationRow.means, AuthenticationRow.level),
            *(AuthenticationRow.service_id, AuthenticationRow.channel),
        ),
        months=AuthenticationRow.month,
        by_name="AuthenticationDimension",
        filter_name="AuthenticationFilter",
    )
    service_use = groups_of(
        ServiceUse,
        "Uses of services in groups: for auditors and administrators.",
        (UseRow.jurisdiction,),
        any_of=(UseRow.audience, UseRow.service_id),
        months=UseRow.month,
    )
    key_uses = groups_of(
        KeyUse,
        "Uses of means of DigiD in groups: for auditors and administrators.",
        (),
        any_of=(KeyUseRow.key_id,),
        months=KeyUseRow.month,
    )


def check_own_service(caller: Caller, organisation_id: str) -> None:
    """Refuse an agency that asks who may act at the service of another organisation."""
    if caller.role is Role.AGENCY and caller.organisation_id != organisation_id:
        raise Problem(403, "not-your-service", "Who may act at a service is for its own organisation to ask.")
