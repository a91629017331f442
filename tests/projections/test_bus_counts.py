"""Bus counts: each event counts in the civil month in which it happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.bus import TRANSACTION
from domain.kernel import Jurisdiction
from projections.bus_counts import READ_MODEL
from tests.domain.test_bus import ACCEPTED, ANSWERED, FAILED, FAULTED, FORWARDED, TIMED_OUT
from tests.projections.story import rows, story

MARCH = datetime(2022, 3, 31, 21, 59, tzinfo=UTC)
APRIL = datetime(2022, 3, 31, 22, 0, tzinfo=UTC)  # midnight in Brussels
TAX: dict[str, Any] = {"service_family": "taxation"}
STORIES = (
    story(TRANSACTION, "t-1", (MARCH, ACCEPTED), (MARCH, FORWARDED), (APRIL, ANSWERED)),
    story(TRANSACTION, "t-2", (MARCH, ACCEPTED), (MARCH, FORWARDED), (MARCH, FAULTED)),
    story(TRANSACTION, "t-3", (APRIL, replace(ACCEPTED, **TAX)), (APRIL, replace(FAILED, **TAX))),
    story(TRANSACTION, "t-4", (APRIL, ACCEPTED), (APRIL, TIMED_OUT)),
    story(TRANSACTION, "t-5", (APRIL, replace(ACCEPTED, jurisdiction=Jurisdiction.NL))),
)


def counts(accepted: int, answered: int, faulted: int, timed_out: int) -> dict[str, Any]:
    return {"accepted": accepted, "answered": answered, "faulted": faulted, "timed_out": timed_out}


def test_each_event_counts_in_its_own_month_and_attempts_do_not() -> None:
    assert rows(READ_MODEL, *STORIES) == {
        ("2022-03", "be", "person"): counts(2, 0, 1, 0),
        ("2022-04", "be", "person"): counts(1, 1, 0, 1),
        ("2022-04", "be", "taxation"): counts(1, 0, 1, 0),
        ("2022-04", "nl", "person"): counts(1, 0, 0, 0),
    }
