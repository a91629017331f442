"""Transactions that get in the way of the writers: slow ones, long ones, and ones that are rolled back half-way."""

from __future__ import annotations

import random
import time
from typing import Any

import psycopg

from infrastructure.event_log.log_statements import AS_APPEND, LOCK
from tests.torture.events import CODEC, CONTEXT, Noted

MAX_HOLD_S = 0.02
MAX_PAUSE_S = 0.2
MAX_HALF_WRITTEN = 20

ELSEWHERE = "CREATE TABLE IF NOT EXISTS public.elsewhere (number bigint)"
HALF_WRITTEN = """
INSERT INTO log.event (
    position, recorded_at, effective_at, version, stream, name, payload, acting_id, subject_id, organisation_id,
    mandate_id, activity, command_id, correlation_id, causation_id, trace
)
SELECT coalesce(max(position), 0) + 1, clock_timestamp(), %s, 1, %s, %s, %s, '', '', '', '', '', '', '', '', ''
FROM log.event
"""


def disturb(url: str, seed: int) -> None:
    """Get in the way until this process is ended.

    All the while one more transaction that has written elsewhere stays open, with an old snapshot: whoever orders
    events by transaction ids would have to wait for it.
    """
    chance = random.Random(seed)
    with psycopg.connect(url) as long_one, psycopg.connect(url) as short_one:
        long_one.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        long_one.execute("INSERT INTO public.elsewhere SELECT count(*) FROM log.event")
        while True:
            short_one.execute(LOCK)
            short_one.execute(AS_APPEND)
            if chance.random() < 0.5:
                _write_half(short_one, chance.randint(1, MAX_HALF_WRITTEN))
            time.sleep(chance.uniform(0, MAX_HOLD_S))
            short_one.rollback()
            time.sleep(chance.uniform(0, MAX_PAUSE_S))


def prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ELSEWHERE)


def _write_half(connection: psycopg.Connection[Any], events: int) -> None:
    for number in range(1, events + 1):
        name, payload = CODEC.encode(Noted(lane=0, serial=number, part=1, of=1))
        connection.execute(HALF_WRITTEN, [CONTEXT.effective_at, f"torture-half.{number}", name, payload])
