"""The last day for a first response to an invoice: three working days, by the holidays of the buyer's territory."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from application.public_holidays import public_holidays_from
from domain.invoicing.model import response_due_on
from domain.kernel import CaribbeanIsland, Jurisdiction
from domain.kernel.instants import CARIBBEAN_TIME, CIVIL_TIME, civil_time_of
from domain.kernel.working_days import end_of_day, working_day_after

BE, NL = Jurisdiction.BE, Jurisdiction.NL
BONAIRE, SABA, STATIA = CaribbeanIsland.BONAIRE, CaribbeanIsland.SABA, CaribbeanIsland.SINT_EUSTATIUS
PLACES: dict[str, Jurisdiction | CaribbeanIsland] = {
    "be": BE,
    "nl": NL,
    "bonaire": BONAIRE,
    "saba": SABA,
    "statia": STATIA,
}

DUE = """
be 2025-12-24T10:00 2025-12-30
be 2025-04-17T10:00 2025-04-23
be 2026-12-23T10:00 2026-12-29
nl 2025-12-24T10:00 2025-12-31
nl 2026-12-23T10:00 2026-12-29
nl 2025-04-17T10:00 2025-04-24
be 2025-12-25T10:00 2025-12-30
be 2025-12-31T23:59 2026-01-06
be 2026-01-01T00:00 2026-01-06
nl 2027-12-31T12:00 2028-01-05
be 2024-03-28T10:00 2024-04-03
nl 2024-03-28T10:00 2024-04-04
be 2024-03-29T23:59 2024-04-04
be 2024-03-30T23:59 2024-04-04
be 2024-03-31T23:59 2024-04-04
be 2026-03-28T23:30 2026-04-01
be 2026-03-29T01:59 2026-04-01
be 2026-03-29T03:00 2026-04-01
nl 2026-03-29T03:00 2026-04-01
nl 2026-03-31T12:00 2026-04-07
be 2026-03-31T12:00 2026-04-03
be 2026-10-25T01:59 2026-10-28
be 2026-10-25T02:30 2026-10-28
be 2026-10-25T23:59 2026-10-28
be 2026-10-30T12:00 2026-11-04
be 2027-10-29T12:00 2027-11-04
be 2024-02-28T12:00 2024-03-04
nl 2024-02-29T12:00 2024-03-05
be 2028-02-29T23:59 2028-03-03
be 2025-02-28T12:00 2025-03-05
be 2026-07-20T12:00 2026-07-24
nl 2026-07-20T12:00 2026-07-23
nl 2027-05-04T12:00 2027-05-11
be 2027-05-04T12:00 2027-05-10
nl 2025-04-25T12:00 2025-04-30
bonaire 2025-04-29T12:00 2025-05-07
bonaire 2026-12-23T23:30 2026-12-29
saba 2025-12-03T12:00 2025-12-09
statia 2025-11-13T12:00 2025-11-18
statia 2027-11-15T12:00 2027-11-19
saba 2025-04-17T12:00 2025-04-24
bonaire 2024-02-29T12:00 2024-03-05
"""


@pytest.mark.parametrize("line", DUE.split("\n")[1:-1])
def test_a_first_response_is_due_after_three_working_days(line: str) -> None:
    place, received, due = line.split()
    territory = PLACES[place]
    zone = CARIBBEAN_TIME if isinstance(territory, CaribbeanIsland) else CIVIL_TIME
    received_at = datetime.fromisoformat(received).replace(tzinfo=zone).astimezone(UTC)
    holidays = public_holidays_from(received_at.date(), territory)
    assert response_due_on(received_at, holidays, zone) == date.fromisoformat(due)


def test_the_holidays_are_those_of_a_year_and_the_next() -> None:
    assert date(2025, 12, 25) in public_holidays_from(date(2025, 1, 1), BE)
    assert date(2026, 4, 6) in public_holidays_from(date(2025, 1, 1), BE)
    assert date(2026, 5, 5) in public_holidays_from(date(2026, 1, 1), NL)


@pytest.mark.parametrize(
    ("day", "island", "ends"),
    [
        (date(2026, 3, 28), None, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (date(2026, 3, 29), None, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 24), None, datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (date(2026, 10, 25), None, datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (date(2024, 2, 29), None, datetime(2024, 2, 29, 23, tzinfo=UTC)),
        (date(2026, 3, 29), BONAIRE, datetime(2026, 3, 30, 4, tzinfo=UTC)),
    ],
)
def test_a_day_ends_in_civil_time(day: date, island: CaribbeanIsland | None, ends: datetime) -> None:
    assert end_of_day(day, civil_time_of(island)) == ends


def test_a_calendar_without_working_days_is_refused() -> None:
    class EveryDay:
        def __contains__(self, _day: object) -> bool:
            return True

    with pytest.raises(ValueError, match="no working day"):
        working_day_after(date(2026, 1, 1), 1, EveryDay())
