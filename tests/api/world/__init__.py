"""The world of the tests: a platform, those who ask it, and what is in it.

`Client` asks over HTTP, `platforms` has the ways to start what is asked, `World` is a platform with people,
organisations, letters and invoices in it, each with its id by name, and `examples` has one valid request for each
command. A refusal is checked with `must_be_refused`.
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
