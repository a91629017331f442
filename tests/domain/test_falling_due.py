"""What the clock ends: never before its time, once, and not what ended otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.access.suppression import SUPPRESSION, EndSuppression, SuppressionEnded, SuppressionLifted
from domain.erasure.model import EndLegalHold, HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.erasure.rules import ERASURE
from domain.identity.session import SESSION, ExpireSession, SessionEnded, SessionExpired
from domain.invoicing.model import DeclareResponseOverdue, InvoiceResponseOverdue
from domain.invoicing.rules import INVOICE
from domain.kernel import NotFound, RuleBroken
from domain.organisations.organisation.model import DoubleChannelChanged, EndDoubleChannel
from domain.organisations.organisation.rules import ORGANISATION
from tests.domain import test_access, test_erasure, test_identity_session, test_invoicing, test_organisations
from tests.domain.given import given

SECOND = timedelta(seconds=1)
PLATFORM = "platform"

SUCCEEDED = test_identity_session.SUCCEEDED
HELD = LegalHoldPlaced(
    person_id=test_erasure.PERSON,
    hold_id="hold",
    group=test_erasure.BILLS,
    ground=HoldGround.LEGAL_CLAIMS,
    until=date(2022, 3, 31),
    reference="",
)
END_OF_MARCH = datetime(2022, 3, 31, 22, tzinfo=UTC)
DOUBLE = DoubleChannelChanged(
    organisation_id=test_organisations.CITY, enrolment_number=1, double_channel_until=date(2022, 3, 31)
)


def command(kind: type, at: datetime, **ids: str) -> Any:
    return kind(at=at, by=PLATFORM, **ids)


@pytest.mark.parametrize(
    ("decider", "before", "kind", "ids", "due_at", "code", "ended"),
    [
        (
            *(SESSION, (SUCCEEDED,), ExpireSession, {"session_id": SUCCEEDED.session_id}),
            *(SUCCEEDED.expires_at, "session-not-over"),
            SessionExpired(session_id=SUCCEEDED.session_id, person_id=SUCCEEDED.person_id),
        ),
        (
            *(INVOICE, (test_invoicing.RECEIVED,), DeclareResponseOverdue, {"invoice_id": test_invoicing.ID}),
            *(test_invoicing.RECEIVED.overdue_at, "response-not-overdue"),
            InvoiceResponseOverdue(**test_invoicing.COMMON, response_due_at=test_invoicing.RECEIVED.overdue_at),
        ),
        (
            *(ORGANISATION, (test_organisations.REGISTERED, test_organisations.SENDER, DOUBLE)),
            *(EndDoubleChannel, {"organisation_id": test_organisations.CITY}),
            *(END_OF_MARCH, "double-channel-not-over"),
            replace(DOUBLE, double_channel_until=None),
        ),
        (
            *(ERASURE, (HELD,), EndLegalHold, {"person_id": test_erasure.PERSON, "hold_id": "hold"}),
            *(END_OF_MARCH, "legal-hold-not-over"),
            LegalHoldLifted(person_id=test_erasure.PERSON, hold_id="hold", group=HELD.group),
        ),
        (
            *(SUPPRESSION, (test_access.SUPPRESSED,), EndSuppression),
            {"suppression_id": test_access.SUPPRESSED.suppression_id},
            *(test_access.SUPPRESSED.until, "suppression-not-over"),
            SuppressionEnded(suppression_id=test_access.SUPPRESSED.suppression_id),
        ),
    ],
)
def test_it_ends_at_its_time_and_once(
    *, decider: Any, before: Any, kind: Any, ids: dict[str, str], due_at: datetime, code: str, ended: Any
) -> None:
    given(decider, *before).when(command(kind, due_at - SECOND, **ids)).refused(RuleBroken, code)
    given(decider, *before).when(command(kind, due_at, **ids)).then(ended)
    given(decider, *before, ended).when(command(kind, due_at + SECOND, **ids)).then()


def test_nothing_is_declared_of_an_invoice_with_a_response_or_a_refusal() -> None:
    late = command(DeclareResponseOverdue, test_invoicing.RECEIVED.overdue_at, invoice_id=test_invoicing.ID)
    received, validated = test_invoicing.RECEIVED, test_invoicing.VALIDATED
    given(INVOICE, received, test_invoicing.REFUSED).when(late).then()
    given(INVOICE, received, validated, test_invoicing.ACKNOWLEDGED).when(late).then()
    given(INVOICE).when(late).refused(NotFound, "invoice-not-found")


def test_a_late_response_is_still_a_response() -> None:
    received = test_invoicing.RECEIVED
    overdue = InvoiceResponseOverdue(**test_invoicing.COMMON, response_due_at=received.overdue_at)
    respond = replace(test_invoicing.RESPOND, at=received.overdue_at + SECOND)
    given(INVOICE, received, test_invoicing.VALIDATED, overdue).when(respond).then(
        replace(test_invoicing.ACKNOWLEDGED, on_time=False)
    )


def test_what_ended_otherwise_is_not_ended_again() -> None:
    session = SessionEnded(session_id=SUCCEEDED.session_id, person_id=SUCCEEDED.person_id)
    over = command(ExpireSession, SUCCEEDED.expires_at, session_id=SUCCEEDED.session_id)
    given(SESSION, SUCCEEDED, session).when(over).then()
    given(SESSION).when(over).refused(NotFound, "session-not-found")
    suppressed = test_access.SUPPRESSED
    end = command(EndSuppression, suppressed.until, suppression_id=suppressed.suppression_id)
    lifted = SuppressionLifted(suppression_id=suppressed.suppression_id, ground="decision 1")
    given(SUPPRESSION, suppressed, lifted).when(end).then()
    given(SUPPRESSION).when(end).refused(NotFound, "suppression-not-found")
    hold = command(EndLegalHold, END_OF_MARCH, person_id=test_erasure.PERSON, hold_id="other")
    given(ERASURE, HELD).when(hold).refused(NotFound, "legal-hold-not-found")
