"""Bus transactions: one row each, with its progress and its outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.bus import TRANSACTION
from projections.bus_transactions import READ_MODEL
from tests.domain.test_bus import (
    ACCEPTED,
    ANSWERED,
    AT,
    FAILED,
    FAULTED,
    FORWARDED,
    LATER,
    SHA256,
    SOURCE,
    TARGET,
    TIMED_OUT,
)
from tests.projections.story import rows, story

SOON = AT + timedelta(seconds=1)
END = AT + timedelta(seconds=5)
BEGUN = ((AT, ACCEPTED), (SOON, FORWARDED))
ROW: dict[str, Any] = {
    "jurisdiction": "be",
    "source_id": SOURCE,
    "source_reference": "2022-000123",
    "target_id": TARGET,
    "service_family": "person",
    "service": "person.address.v2",
    "activity": "moving-house",
    "legal_basis": "Act of 8 August 1983, art. 5",
    "status": "accepted",
    "attempts": 0,
    "fault_origin": "",
    "fault_code": "",
    "request_sha256": SHA256,
    "request_size_bytes": 812,
    "response_sha256": "",
    "response_size_bytes": 0,
    "accepted_at": AT,
    "times_out_at": LATER,
    "finished_at": None,
}
FORWARDED_ROW = {**ROW, "status": "forwarded", "attempts": 1}


def row_after(*steps: tuple[datetime, Any]) -> dict[str, Any]:
    return rows(READ_MODEL, story(TRANSACTION, "t-1", *steps))[("t-1",)]


def test_an_accepted_transaction_has_a_row_with_everything_but_its_payload() -> None:
    assert row_after((AT, ACCEPTED)) == ROW


def test_each_attempt_is_counted() -> None:
    assert row_after(*BEGUN) == FORWARDED_ROW
    assert row_after(*BEGUN, (SOON, replace(FORWARDED, attempt=2)))["attempts"] == 2


def test_each_outcome_ends_the_row() -> None:
    answer = {"status": "answered", "finished_at": END, "response_sha256": SHA256, "response_size_bytes": 2048}
    fault = {"status": "faulted", "finished_at": END, "fault_origin": "target", "fault_code": "PERSON-UNKNOWN"}
    failure = {"status": "faulted", "finished_at": END, "fault_origin": "bus", "fault_code": "target-unreachable"}
    assert row_after(*BEGUN, (END, ANSWERED)) == {**FORWARDED_ROW, **answer}
    assert row_after(*BEGUN, (END, FAULTED)) == {**FORWARDED_ROW, **fault}
    assert row_after(*BEGUN, (END, FAILED)) == {**FORWARDED_ROW, **failure}
    assert row_after(*BEGUN, (LATER, TIMED_OUT)) == {**FORWARDED_ROW, "status": "timed_out", "finished_at": LATER}
