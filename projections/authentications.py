"""Authentications: counts by month, means, level, service, channel and outcome. Single sign-on is not counted here."""

from __future__ import annotations

from enum import StrEnum

from domain.identity.session import AuthenticationRefused, AuthenticationSucceeded
from domain.identity.values import Channel, Means
from domain.kernel import Jurisdiction, LevelOfAssurance, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, Rule, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class AuthenticationOutcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[Jurisdiction]
    means: Key[Means]
    level: Key[LevelOfAssurance]
    service_id: Key[str]
    organisation_id: Key[str]
    channel: Key[Channel]
    outcome: Key[AuthenticationOutcome]
    authentications: Col[int]


def _count(outcome: AuthenticationOutcome) -> Rule[Row]:
    def rule(recorded: Recorded[AuthenticationSucceeded | AuthenticationRefused]) -> Effects[Row]:
        event = recorded.event
        yield add(
            Row,
            Row.month.to(civil_month(recorded.context.effective_at)),
            Row.jurisdiction.to(event.jurisdiction),
            Row.means.to(event.means),
            Row.level.to(event.level),
            Row.service_id.to(event.service_id),
            Row.organisation_id.to(event.organisation_id),
            Row.channel.to(event.channel),
            Row.outcome.to(outcome),
            Row.authentications.to(1),
        )

    return rule


READ_MODEL = ReadModel(
    name="authentications",
    version=2,
    row=Row,
    rules={
        AuthenticationSucceeded: _count(AuthenticationOutcome.SUCCEEDED),
        AuthenticationRefused: _count(AuthenticationOutcome.REFUSED),
    },
    indexes={
        "month": (Row.jurisdiction, Row.outcome, Row.month),
        "organisation": (Row.organisation_id, Row.month),
    },
    seen=Seen(parties=(Row.organisation_id,), roles=(*STAFF, FIGURES)),
)

HAS_SUCCEEDED = Row.outcome == AuthenticationOutcome.SUCCEEDED
"""Keep the authentications that count in the figures."""
