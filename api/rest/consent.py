"""Doors of consent: passed on by the mailbox provider in whose session the person acts."""

from __future__ import annotations

from api.rest.doors import Door
from domain.consent import GrantConsent, RefuseConsent, ShowImpactNotice, WithdrawConsent

_CONSENT = "/consents/{person_id}/{provider_id}"

DOORS = (
    Door(
        intent="show-impact-notice",
        path=f"{_CONSENT}/impact-notices",
        command=ShowImpactNotice,
        activity="digital-mail-consent",
        summary="Record that the person was shown what digital post means for them.",
    ),
    Door(
        intent="grant-consent",
        path=f"{_CONSENT}/grants",
        command=GrantConsent,
        activity="digital-mail-consent",
        summary="Grant consent to digital post, for all senders.",
    ),
    Door(
        intent="refuse-consent",
        path=f"{_CONSENT}/refusals",
        command=RefuseConsent,
        activity="digital-mail-consent",
        summary="Refuse consent to digital post.",
    ),
    Door(
        intent="withdraw-consent",
        path=f"{_CONSENT}/withdrawals",
        command=WithdrawConsent,
        activity="digital-mail-consent",
        summary="Withdraw consent; later letters go on paper.",
    ),
)
