"""What the clock ends: never before its time, once, and not what ended otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.access.suppression import SUPPRESSION, EndSuppression, SuppressionEnded, SuppressionLifted
from domain.erasure.model import EndLegalHold, HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.erasure.rules import ERASURE
from domain.identity.key import KEY, EndKeySuspension, ExpireUnusedKey, KeyExpired, KeySuspended, KeyUseFound
from domain.identity.mandate.model import EndMandateSuspension
from domain.identity.mandate.rules import MANDATE
from domain.identity.session import SESSION, ExpireSession, SessionEnded, SessionExpired
from domain.invoicing.model import DeclareResponseOverdue, InvoiceResponseOverdue
from domain.invoicing.rules import INVOICE
from domain.kernel import InvalidValue, NotAllowed, NotFound, RuleBroken
from domain.organisations.organisation.model import DoubleChannelChanged, EndDoubleChannel, EndRecognitionSuspension
from domain.organisations.organisation.rules import ORGANISATION
from tests.domain import (
    test_access,
    test_erasure,
    test_identity_key,
    test_identity_mandate,
    test_identity_session,
    test_invoicing,
    test_organisations,
)
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

SOON = test_identity_key.AT + timedelta(days=30)
KEPT = (test_identity_key.REGISTERED, test_identity_key.ACTIVATED)
KEY_SUSPENDED = KeySuspended(**test_identity_key.WHOSE, until=SOON)
MANDATE_SUSPENDED = replace(test_identity_mandate.SUSPENDED, until=SOON)
RECOGNISED = (test_organisations.REGISTERED, test_organisations.APPLIED, test_organisations.GRANTED)
RECOGNITION_SUSPENDED = replace(test_organisations.SUSPENDED, until=SOON)


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
            *(KEY, (*KEPT, KEY_SUSPENDED), EndKeySuspension),
            *({"key_id": test_identity_key.KEY_ID}, SOON, "suspension-not-over", test_identity_key.RESUMED),
        ),
        (
            *(MANDATE, (*test_identity_mandate.ACTIVE, MANDATE_SUSPENDED), EndMandateSuspension),
            *({"mandate_id": "mandate-1"}, SOON, "suspension-not-over"),
            replace(test_identity_mandate.RESUMED, act=None),
        ),
        (
            *(ORGANISATION, (*RECOGNISED, RECOGNITION_SUSPENDED)),
            *(EndRecognitionSuspension, {"organisation_id": test_organisations.CITY}),
            *(SOON, "suspension-not-over", test_organisations.GRANTED),
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


@pytest.mark.parametrize(
    ("decider", "before", "suspend", "suspended"),
    [
        (KEY, KEPT, test_identity_key.SUSPEND, KEY_SUSPENDED),
        (MANDATE, test_identity_mandate.ACTIVE, test_identity_mandate.SUSPEND, MANDATE_SUSPENDED),
        (ORGANISATION, RECOGNISED, test_organisations.SUSPEND, RECOGNITION_SUSPENDED),
    ],
)
def test_the_end_of_a_suspension_is_set_moved_and_taken_away(
    decider: Any, before: Any, suspend: Any, suspended: Any
) -> None:
    until_soon, later = replace(suspend, until=SOON), SOON + timedelta(days=1)
    given(decider, *before).when(replace(suspend, until=suspend.at)).refused(InvalidValue, "suspension-over")
    given(decider, *before).when(until_soon).then(suspended)
    given(decider, *before, suspended).when(until_soon).then()
    given(decider, *before, suspended).when(replace(suspend, until=later)).then(replace(suspended, until=later))
    given(decider, *before, suspended).when(suspend).then(replace(suspended, until=None))


def test_only_the_side_that_suspended_a_mandate_moves_the_end() -> None:
    other = replace(test_identity_mandate.SUSPEND, actor=test_identity_mandate.AS_RECEIVER)
    before = (*test_identity_mandate.ACTIVE, MANDATE_SUSPENDED)
    given(MANDATE, *before).when(other).refused(NotAllowed, "suspended-by-the-other-side")


def test_a_suspension_without_an_end_is_not_ended_by_the_clock() -> None:
    end = command(EndKeySuspension, SOON, key_id=test_identity_key.KEY_ID)
    given(KEY, *KEPT, test_identity_key.SUSPENDED).when(end).refused(RuleBroken, "suspension-not-over")
    over = replace(end, at=test_identity_key.END)
    given(KEY, *KEPT, KEY_SUSPENDED).when(over).then()


def test_a_key_ends_unused_at_its_time_and_not_while_its_use_is_not_known() -> None:
    end = command(ExpireUnusedKey, SOON, key_id=test_identity_key.KEY_ID)
    unused = KeyExpired(**test_identity_key.WHOSE, unused=True)
    given(KEY, *KEPT).when(end).refused(RuleBroken, "key-use-not-known")
    found = KeyUseFound(**test_identity_key.WHOSE, unused_until=SOON + SECOND)
    given(KEY, *KEPT).when(replace(end, unused_until=SOON + SECOND)).then(found)
    given(KEY, *KEPT).when(replace(end, unused_until=SOON)).then(unused)
    given(KEY, *KEPT, unused).when(replace(end, unused_until=SOON)).then()
    given(KEY, *KEPT, test_identity_key.REVOKED).when(end).refused(RuleBroken, "key-ended")
    given(KEY).when(end).refused(NotFound, "key-not-found")
