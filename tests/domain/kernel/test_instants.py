"""Instants and days in the one dialect that every door reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.kernel import MalformedValue
from domain.kernel.instants import civil_day, read_day, read_instant

NO_INSTANT = (
    *(1_700_000_000, 1.5, True, None, b"2026-01-01T00:00:00Z", "1700000000", "", "soon"),
    *("2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "20260101T000000Z", "2026-W01-1T00:00:00Z"),
    *("2026-01-01t00:00:00z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "2026-01-01T00Z"),
    *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z"),
    *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Z\n", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z"),
    *(
        "\u0662\u0660\u0662\u0666-\u0660\u0661-\u0660\u0661T\u0660\u0660:\u0660\u0660:\u0660\u0660Z",
        "2026-01-01T00:00:00[Europe/Brussels]",
    ),
)
NO_DAY = (20_454, None, "", "2026-1-1", "20260101", "2026-02-30", "2026-01-01T00:00:00Z", "2026-W01-1", "2026-01-01\n")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T01:00:00+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T01:00+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2025-12-31T18:15:00.123456789-05:45", datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("1900-01-01T00:00:00-00:00", datetime(1900, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(text: str, instant: datetime) -> None:
    assert read_instant(text) == instant
    assert read_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", NO_INSTANT, ids=ascii)
def test_no_other_dialect_is_an_instant(text: object) -> None:
    with pytest.raises(MalformedValue) as refusal:
        read_instant(text)
    assert refusal.value.code == "not-rfc3339"


@pytest.mark.parametrize("text", NO_DAY, ids=ascii)
def test_no_other_dialect_is_a_day(text: object) -> None:
    with pytest.raises(MalformedValue) as refusal:
        read_day(text)
    assert refusal.value.code == "not-rfc3339"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
def test_a_year_that_cannot_be_right(text: str) -> None:
    with pytest.raises(MalformedValue) as refusal:
        read_instant(text)
    assert refusal.value.code == "out-of-range"
    with pytest.raises(MalformedValue):
        read_day(text[:10])


@pytest.mark.parametrize("text", ["1900-01-01T00:00:00+00:01", "9998-12-31T23:59:00-00:01"])
def test_the_year_of_an_instant_is_that_in_utc(text: str) -> None:
    with pytest.raises(MalformedValue) as refusal:
        read_instant(text)
    assert refusal.value.code == "out-of-range"


def test_a_day_in_law_begins_at_midnight_in_civil_time() -> None:
    assert civil_day(datetime(2026, 6, 30, 22, 30, tzinfo=UTC)) == date(2026, 7, 1)
    assert read_day("2026-01-31") == date(2026, 1, 31)
