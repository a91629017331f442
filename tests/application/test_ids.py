"""Ids that the platform gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from application.ids import RANDOM_BYTES, time_ordered_id

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2400, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given zones
CHANCES = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(INSTANTS, CHANCES)
def test_an_id_is_a_uuid_of_version_7(at: datetime, chance: bytes) -> None:
    made = UUID(time_ordered_id(at, chance))
    assert (made.version, made.variant) == (7, RFC_4122)


@given(INSTANTS, CHANCES, CHANCES, st.integers(1, 10**9))
def test_a_later_id_sorts_after_an_earlier_one(at: datetime, one: bytes, other: bytes, later_ms: int) -> None:
    assert time_ordered_id(at, one) < time_ordered_id(at + timedelta(milliseconds=later_ms), other)


def test_ids_of_one_instant_differ_by_their_chance() -> None:
    at = datetime(2021, 11, 3, 9, tzinfo=UTC)
    chances = [bytes([n]) + bytes(RANDOM_BYTES - 1) for n in range(256)]
    chances += [bytes(RANDOM_BYTES - 1) + bytes([n]) for n in range(1, 256)]
    assert len({time_ordered_id(at, chance) for chance in chances}) == len(chances)


def test_the_example_of_the_standard() -> None:
    # RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    bits = 0xCC3 << 68 | 0x18C4DC0C0C07398F
    assert time_ordered_id(at, bits.to_bytes(10, "big")) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
