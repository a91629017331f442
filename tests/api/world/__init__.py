"""The world of the tests of the API: a platform, those who ask it, what is in it, and how a refusal is checked.

What most tests need is imported from here; docs/developer.md shows how a test with it reads.

- Who asks, and what is asked: `client`, `platforms`, `refusals`.
- A platform with something in it: `built_world`; `commands` and `examples` have what is sent to it, `wrong_bodies` what
  is never taken.
- GraphQL over rows that a test writes: `graph`, `rows`. The dashboard over figures that are made up: `figures`.
- A real browser: `browser`.
- What is made at random, and the oracles that know what must come of it: `access_rows` and `access_queries` for the
  access record; `hard_rows`, `random_documents` and `both_ways` for planned queries; `marked_people` for erasures.
"""

from __future__ import annotations

from tests.api.world.built_world import BEGIN, CITIZENS, ORGANISATIONS, RECOGNISED, SENDERS, World, built_world
from tests.api.world.client import NDJSON, Answer, Client, over
from tests.api.world.commands import DOOR, NOTICE, PLATFORM, SHA256_BASE64URL, SHA256_HEX, Request, at, organisation
from tests.api.world.platforms import (
    InProcess,
    OnAPort,
    Platform,
    Processes,
    as_processes,
    in_process,
    on_a_port,
    served,
    started,
)
from tests.api.world.refusals import documented, must_be_a_problem, must_be_refused, problem_code

__all__ = [
    "BEGIN",
    "CITIZENS",
    "DOOR",
    "NDJSON",
    "NOTICE",
    "ORGANISATIONS",
    "PLATFORM",
    "RECOGNISED",
    "SENDERS",
    "SHA256_BASE64URL",
    "SHA256_HEX",
    "Answer",
    "Client",
    "InProcess",
    "OnAPort",
    "Platform",
    "Processes",
    "Request",
    "World",
    "as_processes",
    "at",
    "built_world",
    "documented",
    "in_process",
    "must_be_a_problem",
    "must_be_refused",
    "on_a_port",
    "organisation",
    "over",
    "problem_code",
    "served",
    "started",
]
