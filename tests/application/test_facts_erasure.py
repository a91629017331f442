"""Facts for erasure: who asks in the session, whom they represent by law, and whether the person is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from application.registry import READERS
from domain.erasure.model import (
    ErasureCommand,
    ErasureGround,
    ErasureRequested,
    HoldGround,
    LiftLegalHold,
    OrderErasure,
    PlaceLegalHold,
    RequestErasure,
)
from domain.erasure.rules import ERASURE
from domain.identity.mandate.model import ConfirmMandate
from domain.identity.session import EndSession
from domain.identity.values import MandateKind, PartyKind
from domain.kernel import EnterpriseNumber, Jurisdiction, PurposeGroup, Refusal
from domain.organisations.organisation.model import RegisterSoleTrader
from tests.application.memory_known import MemoryKnown
from tests.application.test_facts_identity import (  # noqa: F401 - a fixture
    ANNA,
    AT,
    BOB,
    CITY,
    END,
    FIRM,
    ISSUER,
    _accept,
    _request,
    known,
)
from tests.check_digits import enterprise_number

TRADER = "trader-1"
BY_ANNA = RequestErasure(
    at=AT, by=CITY, person_id=ANNA, ground=ErasureGround.CONSENT_WITHDRAWN, session_id=f"session-{ANNA}"
)
BY_BOB = replace(BY_ANNA, session_id=f"session-{BOB}", acting_mandate_id="mandate-1")
ORDER = OrderErasure(at=AT, by="platform", person_id=ANNA, ground=ErasureGround.OBJECTION)


def decided(known: MemoryKnown, wish: ErasureCommand) -> Any:  # noqa: F811 - the fixture's value
    informed = READERS[type(wish)](wish, known)
    assert isinstance(informed.command, ErasureCommand)
    return informed, ERASURE.decide(informed.command, ERASURE.initial)


def refusal(known: MemoryKnown, wish: ErasureCommand) -> str:  # noqa: F811 - the fixture's value
    with pytest.raises(Refusal) as refused:
        decided(known, wish)
    return refused.value.code


def test_the_person_asks_in_a_session_of_theirs(known: MemoryKnown) -> None:  # noqa: F811 - the fixture
    informed, (event,) = decided(known, BY_ANNA)
    assert isinstance(event, ErasureRequested)
    assert (event.acting_person_id, event.session_id, event.mandate_id) == (ANNA, f"session-{ANNA}", "")
    assert (informed.acting_id, informed.subject_id) == (ANNA, ANNA)


def test_a_session_of_somebody_else_elsewhere_or_over_is_none(known: MemoryKnown) -> None:  # noqa: F811 - the fixture
    assert refusal(known, replace(BY_ANNA, session_id=f"session-{BOB}")) == "not-the-person"
    assert refusal(known, replace(BY_ANNA, by=FIRM)) == "no-session-at-caller"
    assert refusal(known, replace(BY_ANNA, session_id="nothing")) == "no-session-at-caller"
    known.carry_out(EndSession(at=AT, by=ISSUER, session_id=f"session-{ANNA}"))
    assert refusal(known, BY_ANNA) == "no-session-at-caller"


def test_who_was_trusted_with_a_mandate_cannot_have_somebody_erased(
    known: MemoryKnown,  # noqa: F811 - the fixture
) -> None:
    known.carry_out(_request("mandate-1", ANNA, BOB))
    known.carry_out(_accept("mandate-1", BOB))
    assert refusal(known, BY_BOB) == "not-the-person"


def test_who_represents_somebody_by_law_can_as_long_as_they_do(known: MemoryKnown) -> None:  # noqa: F811 - the fixture
    by_law: dict[str, Any] = {"kind": MandateKind.LEGAL_REPRESENTATION, "service_ids": ()}
    known.carry_out(_request("mandate-1", ANNA, BOB, **by_law))
    assert refusal(known, BY_BOB) == "not-the-person"
    known.carry_out(ConfirmMandate(at=AT, by=CITY, mandate_id="mandate-1", ground="judgment 12"))
    informed, (event,) = decided(known, BY_BOB)
    assert (event.acting_person_id, event.mandate_id) == (BOB, "mandate-1")
    assert (informed.acting_id, informed.subject_id, informed.mandate_id) == (BOB, ANNA, "mandate-1")
    assert refusal(known, replace(BY_BOB, acting_mandate_id="")) == "not-the-person"
    assert refusal(known, replace(BY_BOB, person_id=FIRM)) == "not-the-person"


def test_a_sole_trader_asks_for_their_enterprise_as_its_representative_by_law(
    known: MemoryKnown,  # noqa: F811 - the fixture
) -> None:
    trader = RegisterSoleTrader(
        at=AT,
        by="platform",
        organisation_id=TRADER,
        trader_name="Bakkerij Peeters",
        enterprise_number=EnterpriseNumber(enterprise_number(7)),
        jurisdiction=Jurisdiction.BE,
    )
    order = replace(ORDER, person_id=TRADER)
    assert refusal(known, order) == "person-not-found"
    known.carry_out(trader)
    _, (event,) = decided(known, order)
    assert event.person_id == TRADER
    by_law: dict[str, Any] = {
        "kind": MandateKind.LEGAL_REPRESENTATION,
        "mandator_kind": PartyKind.ENTERPRISE,
        "service_ids": (),
        "session_id": f"session-{BOB}",
    }
    known.carry_out(_request("mandate-1", TRADER, BOB, **by_law))
    known.carry_out(ConfirmMandate(at=AT, by=CITY, mandate_id="mandate-1", ground="register of enterprises"))
    informed, (event,) = decided(known, replace(BY_BOB, person_id=TRADER))
    assert (event.acting_person_id, event.mandate_id, informed.subject_id) == (BOB, "mandate-1", TRADER)


def test_an_administrator_acts_on_people_who_are_registered(known: MemoryKnown) -> None:  # noqa: F811 - the fixture
    hold = PlaceLegalHold(
        at=AT,
        by="platform",
        person_id=ANNA,
        hold_id="hold-1",
        group=PurposeGroup.CORRESPONDENCE,
        ground=HoldGround.LEGAL_CLAIMS,
        until=END.date(),
    )
    for wish in (ORDER, hold):
        informed, events = decided(known, wish)
        assert (informed.acting_id, informed.subject_id, len(events)) == ("", ANNA, 1)
        assert refusal(known, replace(wish, person_id="nobody")) == "person-not-found"
        assert refusal(known, replace(wish, person_id=CITY)) == "person-not-found"
    assert (
        refusal(known, LiftLegalHold(at=AT, by="platform", person_id=ANNA, hold_id="nothing")) == "legal-hold-not-found"
    )
