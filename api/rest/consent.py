"""Commands of consent: passed on by the mailbox provider in whose session the person acts."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import Relation, agency
from domain.consent import GrantConsent, RefuseConsent, ShowImpactNotice, WithdrawConsent

_CONSENT = "/consents/{person_id}/{provider_id}"

ROUTES = (
    CommandRoute(
        ShowImpactNotice,
        f"{_CONSENT}/impact-notices",
        right=agency(Relation.PROVIDER_OF_CONSENT),
        summary="Record that the person was shown what digital post means for them.",
    ),
    CommandRoute(
        GrantConsent,
        f"{_CONSENT}/grants",
        right=agency(Relation.PROVIDER_OF_CONSENT),
        summary="Grant consent to digital post, for all senders.",
    ),
    CommandRoute(
        RefuseConsent,
        f"{_CONSENT}/refusals",
        right=agency(Relation.PROVIDER_OF_CONSENT),
        summary="Refuse consent to digital post.",
    ),
    CommandRoute(
        WithdrawConsent,
        f"{_CONSENT}/withdrawals",
        right=agency(Relation.PROVIDER_OF_CONSENT),
        summary="Withdraw consent; later letters go on paper.",
    ),
)
