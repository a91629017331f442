"""Commands of consent: passed on by the mailbox provider in whose session the person acts."""

from __future__ import annotations

from api.rest.command_route import routes_below
from api.rights.relations import Relation, agency
from domain.consent import GrantConsent, RefuseConsent, ShowImpactNotice, WithdrawConsent

ROUTES = tuple(
    routes_below(
        "/consents/{person_id}/{provider_id}",
        agency(Relation.PROVIDER_OF_CONSENT),
        {
            "impact-notices": (ShowImpactNotice, "Record that the person was shown what digital post means for them."),
            "grants": (GrantConsent, "Grant consent to digital post, for all senders."),
            "refusals": (RefuseConsent, "Refuse consent to digital post."),
            "withdrawals": (WithdrawConsent, "Withdraw consent; later letters go on paper."),
        },
    )
)
