"""Erasure: who may ask, what a hold keeps, that everything is decided once, and that what is recorded was decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.erasure.model import (
    MAX_HOLDS,
    CarryOutErasure,
    Erasure,
    ErasureAsked,
    ErasureGround,
    ErasureRequested,
    ErasureSettled,
    ErasureStatus,
    ErasureWithdrawn,
    Event,
    HoldGround,
    KeysDestroyed,
    KeysShredded,
    LegalHoldLifted,
    LegalHoldPlaced,
    LiftLegalHold,
    OrderErasure,
    PlaceLegalHold,
    PlaceRetentionHold,
    RecordKeysDestroyed,
    RecordKeysShredded,
    RequestErasure,
    WithdrawErasure,
    pending,
)
from domain.erasure.rules import ERASURE
from domain.kernel import Actor, InvalidValue, NotAllowed, NotFound, PurposeGroup, RuleBroken
from tests.domain.given import given

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TODAY, LAST_DAY = date(2026, 3, 1), date(2030, 12, 31)
PERSON = "person-1"
ABOUT: dict[str, Any] = {"at": AT, "by": "platform", "person_id": PERSON}
ID, POST, BILLS = PurposeGroup.IDENTIFICATION, PurposeGroup.CORRESPONDENCE, PurposeGroup.INVOICING
ALL = (ID, POST, BILLS)

ORDER = OrderErasure(**ABOUT, ground=ErasureGround.UNLAWFULLY_PROCESSED, reference="APD/2026-17", registered=True)
REQUEST = RequestErasure(
    **ABOUT,
    ground=ErasureGround.CONSENT_WITHDRAWN,
    session_id="session-1",
    applicant=Actor(person_id=PERSON, session_id="session-1", in_session=True),
    registered=True,
)
HOLD = PlaceLegalHold(
    **ABOUT, hold_id="hold-1", group=BILLS, ground=HoldGround.LEGAL_CLAIMS, until=LAST_DAY, registered=True
)
RETENTION = PlaceRetentionHold(
    **ABOUT, hold_id="invoice-retention", group=BILLS, ground=HoldGround.INVOICE_RETENTION, until=LAST_DAY
)
LIFT = LiftLegalHold(**ABOUT, hold_id="hold-1")


def requested(*groups: PurposeGroup, held: tuple[PurposeGroup, ...] = ()) -> ErasureRequested:
    return ErasureRequested(
        person_id=PERSON,
        groups=groups,
        held_groups=held,
        ground=ErasureGround.UNLAWFULLY_PROCESSED,
        reference="APD/2026-17",
    )


def destroyed(*groups: PurposeGroup) -> KeysDestroyed:
    return KeysDestroyed(person_id=PERSON, groups=groups)


def shredded(*groups: PurposeGroup) -> KeysShredded:
    return KeysShredded(person_id=PERSON, groups=groups)


HELD = LegalHoldPlaced(
    person_id=PERSON, hold_id="hold-1", group=BILLS, ground=HoldGround.LEGAL_CLAIMS, until=LAST_DAY, reference=""
)
RETAINED = replace(HELD, hold_id="invoice-retention", ground=HoldGround.INVOICE_RETENTION)
LIFTED = LegalHoldLifted(person_id=PERSON, hold_id="hold-1", group=BILLS)

# --- Asking ---------------------------------------------------------------------------------------------------------


def test_everything_is_erased_unless_purposes_are_named() -> None:
    given(ERASURE).when(ORDER).then(requested(*ALL))
    given(ERASURE).when(replace(ORDER, groups=(POST, POST))).then(requested(POST))


def test_the_person_asks_in_a_session_and_that_is_recorded() -> None:
    given(ERASURE).when(REQUEST).then(
        ErasureRequested(
            person_id=PERSON,
            groups=ALL,
            held_groups=(),
            ground=ErasureGround.CONSENT_WITHDRAWN,
            reference="",
            session_id="session-1",
            acting_person_id=PERSON,
        )
    )


ASKED = ErasureAsked(
    person_id=PERSON,
    groups=ALL,
    held_groups=(),
    ground=ErasureGround.CONSENT_WITHDRAWN,
    reference="",
    session_id="session-1",
    acting_person_id=PERSON,
    due_at=AT + timedelta(days=14),
)
WITHDRAWN = ErasureWithdrawn(person_id=PERSON, session_id="session-2", acting_person_id=PERSON)
SETTLED = ErasureSettled(person_id=PERSON)
COOL = replace(REQUEST, cooling_off_days=14)
WITHDRAW = WithdrawErasure(
    **ABOUT,
    session_id="session-2",
    applicant=Actor(person_id=PERSON, session_id="session-2", in_session=True),
)
CARRY_OUT = CarryOutErasure(**{**ABOUT, "at": ASKED.due_at})


def test_what_a_person_asks_for_is_not_erased_before_its_days_are_over() -> None:
    given(ERASURE).when(COOL).then(ASKED)
    given(ERASURE, ASKED).when(COOL).then()
    given(ERASURE, ASKED).when(replace(CARRY_OUT, at=ASKED.due_at - timedelta(seconds=1))).refused(
        RuleBroken, "erasure-not-due"
    )
    carried_out = replace(
        requested(*ALL),
        ground=ASKED.ground,
        reference="",
        session_id="session-1",
        acting_person_id=PERSON,
    )
    given(ERASURE, ASKED).when(CARRY_OUT).then(carried_out)
    given(ERASURE, ASKED, carried_out).when(CARRY_OUT).then()


def test_the_person_withdraws_within_the_days_in_any_session() -> None:
    given(ERASURE, ASKED).when(WITHDRAW).then(WITHDRAWN)
    given(ERASURE, ASKED, WITHDRAWN).when(CARRY_OUT).then()
    given(ERASURE, ASKED, WITHDRAWN).when(WITHDRAW).then()
    given(ERASURE, ASKED, WITHDRAWN).when(COOL).then(ASKED)
    for before, at in (((), AT), ((ASKED,), ASKED.due_at)):
        given(ERASURE, *before).when(replace(WITHDRAW, at=at)).refused(RuleBroken, "no-erasure-to-withdraw")
    stranger = Actor(person_id="person-2", session_id="session-3", in_session=True)
    given(ERASURE, ASKED).when(replace(WITHDRAW, applicant=stranger)).refused(NotAllowed, "not-the-person")


def test_more_purposes_begin_the_days_anew() -> None:
    post = replace(ASKED, groups=(POST,))
    later = replace(COOL, at=AT + timedelta(days=1))
    given(ERASURE, post).when(later).then(replace(ASKED, due_at=ASKED.due_at + timedelta(days=1)))


def test_what_is_held_or_ordered_meanwhile_is_left_out() -> None:
    held = replace(HELD, group=BILLS)
    given(ERASURE, replace(ASKED, groups=(BILLS,)), held).when(CARRY_OUT).then(SETTLED)
    given(ERASURE, ASKED, requested(*ALL)).when(CARRY_OUT).then(SETTLED)
    given(ERASURE, ASKED, requested(*ALL), SETTLED).when(CARRY_OUT).then()
    asked = replace(ASKED, groups=(POST, BILLS))
    (event,) = ERASURE.decide(CARRY_OUT, ERASURE.fold((asked, held)))
    assert isinstance(event, ErasureRequested)
    assert (event.groups, event.held_groups) == ((POST,), (BILLS,))


def test_who_represents_the_person_by_law_asks_under_their_mandate() -> None:
    parent = Actor(person_id="person-2", in_session=True, mandate_id="mandate-1", represented_id=PERSON)
    state = ERASURE.fold(())
    (event,) = ERASURE.decide(replace(REQUEST, applicant=parent), state)
    assert isinstance(event, ErasureRequested)
    assert (event.acting_person_id, event.mandate_id) == ("person-2", "mandate-1")


def test_nobody_else_can_ask_in_a_session() -> None:
    given(ERASURE).when(replace(REQUEST, applicant=Actor(person_id="person-2", in_session=True))).refused(
        NotAllowed, "not-the-person"
    )
    given(ERASURE).when(replace(REQUEST, applicant=Actor(person_id=PERSON, in_session=False))).refused(
        NotAllowed, "no-session-at-caller"
    )


def test_a_person_whom_nobody_knows_is_not_erased_but_one_with_a_hold_is_known() -> None:
    given(ERASURE).when(replace(ORDER, registered=False)).refused(NotFound, "person-not-found")
    given(ERASURE, RETAINED).when(replace(ORDER, registered=False, groups=(POST,))).then(requested(POST))


@pytest.mark.parametrize("reference", ["Jan Janssens", "x" * 81, "/1", "a\n"], ids=["spaces", "long", "slash", "line"])
def test_a_reference_is_that_of_a_file(reference: str) -> None:
    given(ERASURE).when(replace(ORDER, reference=reference)).refused(InvalidValue, "invalid-reference")
    given(ERASURE).when(replace(HOLD, reference=reference)).refused(InvalidValue, "invalid-reference")


def test_asked_twice_it_is_decided_once() -> None:
    steps: tuple[tuple[Event, ...], ...] = ((), (destroyed(*ALL),), (destroyed(*ALL), shredded(*ALL)))
    for done in steps:
        given(ERASURE, requested(*ALL), *done).when(ORDER).then()


# --- Holds ----------------------------------------------------------------------------------------------------------


def test_what_is_held_is_kept_and_the_rest_goes_on() -> None:
    given(ERASURE, HELD).when(ORDER).then(requested(ID, POST, held=(BILLS,)))
    given(ERASURE, HELD, requested(ID, POST, held=(BILLS,))).when(ORDER).then()


def test_an_erasure_of_nothing_but_what_is_held_is_refused() -> None:
    only_bills = replace(ORDER, groups=(BILLS,))
    given(ERASURE, HELD).when(only_bills).refused(RuleBroken, "legal-hold")
    given(ERASURE, HELD, requested(ID, POST, held=(BILLS,))).when(only_bills).refused(RuleBroken, "legal-hold")


def test_a_hold_holds_through_its_last_day_in_civil_time() -> None:
    ending = replace(HELD, until=TODAY)
    last_minute = datetime(2026, 3, 1, 22, 59, tzinfo=UTC)  # 23:59 in Brussels
    only_bills = replace(ORDER, groups=(BILLS,))
    given(ERASURE, ending).when(replace(only_bills, at=last_minute)).refused(RuleBroken, "legal-hold")
    given(ERASURE, ending).when(replace(only_bills, at=last_minute + timedelta(minutes=1))).then(requested(BILLS))


def test_a_lifted_hold_holds_no_more() -> None:
    given(ERASURE, HELD).when(LIFT).then(LIFTED)
    given(ERASURE, HELD, LIFTED).when(LIFT).then()
    given(ERASURE, HELD, LIFTED).when(ORDER).then(requested(*ALL))
    given(ERASURE, HELD, RETAINED, LIFTED).when(ORDER).then(requested(ID, POST, held=(BILLS,)))
    given(ERASURE).when(LIFT).refused(NotFound, "legal-hold-not-found")


def test_a_hold_is_placed_once_and_again_only_for_longer() -> None:
    given(ERASURE).when(HOLD).then(HELD)
    given(ERASURE, HELD).when(HOLD).then()
    longer = date(2031, 12, 31)
    given(ERASURE, HELD).when(replace(HOLD, until=longer)).then(replace(HELD, until=longer))
    # What policies decide for an old invoice once more does not undo that an administrator lifted the hold.
    lifted = replace(LIFTED, hold_id="invoice-retention")
    given(ERASURE, RETAINED, lifted).when(RETENTION).then()
    given(ERASURE, RETAINED, lifted).when(replace(RETENTION, until=longer)).then(replace(RETAINED, until=longer))


@pytest.mark.parametrize("until", [date(2026, 2, 28), date(2057, 1, 1)], ids=["past", "far"])
def test_the_last_day_of_a_hold_is_within_reason(until: date) -> None:
    given(ERASURE).when(replace(HOLD, until=until)).refused(InvalidValue, "invalid-hold-end")


def test_a_hold_is_on_a_known_person_and_there_are_not_endlessly_many() -> None:
    given(ERASURE).when(replace(HOLD, registered=False)).refused(NotFound, "person-not-found")
    many = [replace(HELD, hold_id=f"hold-{number}") for number in range(MAX_HOLDS)]
    given(ERASURE, *many).when(replace(HOLD, hold_id="one-more")).refused(RuleBroken, "too-many-holds")


def test_a_retention_that_is_over_holds_nothing() -> None:
    given(ERASURE).when(replace(RETENTION, until=date(2026, 2, 28))).then()


def test_what_is_being_erased_is_held_by_the_law_only_as_long_as_it_is_there() -> None:
    given(ERASURE, requested(*ALL)).when(HOLD).refused(RuleBroken, "erasure-under-way")
    given(ERASURE, requested(*ALL)).when(RETENTION).then(RETAINED)
    given(ERASURE, requested(*ALL), destroyed(*ALL)).when(RETENTION).then()
    assert pending(ERASURE.fold([requested(*ALL), RETAINED])) == [ID, POST]


# --- Carrying out ---------------------------------------------------------------------------------------------------


def record(*groups: PurposeGroup) -> tuple[RecordKeysDestroyed, RecordKeysShredded]:
    return RecordKeysDestroyed(**ABOUT, groups=groups), RecordKeysShredded(**ABOUT, groups=groups)


def test_each_step_is_recorded_once() -> None:
    gone, nowhere = record(ID, POST)
    given(ERASURE, requested(ID, POST)).when(gone).then(destroyed(ID, POST))
    given(ERASURE, requested(ID, POST), destroyed(ID)).when(gone).then(destroyed(POST))
    given(ERASURE, requested(ID, POST), destroyed(ID, POST)).when(gone).then()
    given(ERASURE, requested(ID, POST), destroyed(ID, POST)).when(nowhere).then(shredded(ID, POST))
    given(ERASURE, requested(ID, POST), destroyed(ID, POST), shredded(ID, POST)).when(nowhere).then()


def test_nothing_is_recorded_that_was_not_decided() -> None:
    gone, nowhere = record(*ALL)
    given(ERASURE).when(gone).refused(RuleBroken, "erasure-not-requested")
    given(ERASURE, requested(ID)).when(gone).refused(RuleBroken, "erasure-not-requested")
    given(ERASURE, requested(*ALL)).when(nowhere).refused(RuleBroken, "erasure-not-requested")


def test_what_was_held_is_erased_when_the_hold_is_over_and_it_is_asked_for_again() -> None:
    history: list[Event] = [HELD, requested(ID, POST, held=(BILLS,)), destroyed(ID, POST), shredded(ID, POST)]
    later = replace(ORDER, at=datetime(2031, 1, 2, tzinfo=UTC))
    given(ERASURE, *history).when(later).then(requested(BILLS))
    state: Erasure = ERASURE.fold([*history, requested(BILLS)])
    assert [state.status(group) for group in ALL] == [
        ErasureStatus.SHREDDED,
        ErasureStatus.SHREDDED,
        ErasureStatus.REQUESTED,
    ]
