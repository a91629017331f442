"""When a means of DigiD has not been used for three years, by the months in which it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.key_use import unused_until
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.read_models.reading import ReadModels
from projections.deadlines import pending
from projections.key_uses import READ_MODEL as KEY_USES
from projections.registry import PROJECTIONS
from tests.infrastructure.sample_counter import DECIDER, append

pytestmark = pytest.mark.anyio

DUE = datetime(2022, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def owner(read_models_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(read_models_url, autocommit=True) as connection:
        connection.execute(
            f"INSERT INTO read.{pending.READ_MODEL.table.name} (kind, key, part, due_at, command, stream,"  # noqa: S608
            " organisation_id, counterparty_id, organisation_ids, supplier_number, person_id, since)"
            " VALUES ('key-disuse', 'key-1', '', %s, 'expire-unused-key', 'key-key-1', '', '', '{}', '', '', %s)",
            (DUE, DUE),
        )
        yield connection


@pytest.fixture
async def reads(read_models_url: str) -> AsyncIterator[ReadModels]:
    reads = ReadModels(Addresses.at(read_models_url).reader, PROJECTIONS)
    yield reads
    await reads.aclose()


def is_used(owner: psycopg.Connection[Any], month: str) -> None:
    owner.execute(f"INSERT INTO read.{KEY_USES.table.name} VALUES ('key-1', %s, 1)", (month,))  # noqa: S608


async def test_three_years_count_from_the_end_of_the_last_month_of_use(
    owner: psycopg.Connection[Any], reads: ReadModels
) -> None:
    assert await unused_until(reads, "key-1") == DUE
    assert await unused_until(reads, "another") is None
    is_used(owner, "2018-12")
    assert await unused_until(reads, "key-1") == DUE, "a use of long ago moves nothing"
    is_used(owner, "2020-12")
    assert await unused_until(reads, "key-1") == datetime(2023, 12, 31, 23, tzinfo=UTC)


async def test_nothing_is_known_while_events_of_before_are_not_in_the_rows(
    owner: psycopg.Connection[Any], reads: ReadModels, read_models_url: str
) -> None:
    async with PostgresLog(read_models_url, Codec([DECIDER]), b"key") as log:
        await log.append([append("counter-a", 1, at=0)])
    assert await unused_until(reads, "key-1") == DUE, "the event came after the key fell due"
    owner.execute(f"UPDATE read.{pending.READ_MODEL.table.name} SET due_at = now() + interval '1 hour'")  # noqa: S608
    assert await unused_until(reads, "key-1") is None
    owner.execute("UPDATE read.checkpoint SET position = 1")
    assert await unused_until(reads, "key-1") is not None
