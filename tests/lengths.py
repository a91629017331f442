"""How long the suites run that take long: short in `make test`, long with `--long`, as in `make torture`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pytest

T = TypeVar("T")

runs_longer = pytest.mark.long
"""Marks a test or a module that does more of the same with `--long`: `make torture` runs what is marked."""

_chosen = {"long": False}


def choose(*, long: bool) -> None:
    """Say how long this run is; before any test is collected."""
    _chosen["long"] = long


def sized(short: T, *, long: T) -> T:
    """Return how much a test does in this run."""
    return long if _chosen["long"] else short


SECONDS: Mapping[str, int] = {
    "api/test_serving_together.py": 57,
    "api/test_dashboard_browser.py": 56,
    "api/test_platform.py": 55,
    "api/test_projections_command.py": 43,
    "api/test_failover.py": 40,
    "benchmarks/test_projections_benchmark.py": 40,
    "api/test_full_sample.py": 37,
    "api/test_erasure_residue.py": 35,
    "api/test_administration_browser.py": 34,
    "api/test_row_security.py": 30,
    "api/test_import_command.py": 30,
    "infrastructure/test_embedded_postgres.py": 30,
    "infrastructure/test_list_plans.py": 25,
    "infrastructure/test_conformance.py": 23,
    "api/test_graph_planned.py": 20,
    "api/test_operation.py": 20,
    "infrastructure/test_stock_application.py": 20,
    "api/test_database_commands.py": 20,
    "infrastructure/test_shredding.py": 25,
    "infrastructure/test_crashes.py": 20,
    "infrastructure/test_erasure_crashes.py": 20,
    "infrastructure/test_takeover.py": 20,
    "fuzz/test_fuzz.py": 19,
    "infrastructure/test_keys_rotation.py": 19,
    "infrastructure/test_reactors.py": 18,
    "infrastructure/test_roles.py": 18,
    "infrastructure/test_parking.py": 17,
    "infrastructure/test_conformance_damaged.py": 17,
    "infrastructure/test_rebuild.py": 16,
    "infrastructure/test_keys.py": 16,
    "infrastructure/test_keys_database.py": 16,
    "infrastructure/test_rebuild_interrupted.py": 15,
    "infrastructure/test_guards.py": 15,
    "api/test_doors_bodies.py": 15,
    "infrastructure/test_recorder.py": 15,
    "infrastructure/test_worker.py": 14,
    "api/test_exit_codes.py": 15,
    "infrastructure/test_reactor_kills.py": 15,
    "infrastructure/test_indexing.py": 14,
    "infrastructure/test_projection_kills.py": 13,
    "infrastructure/test_blind_index.py": 13,
    "test_adding.py": 12,
    "api/test_graph_browser.py": 12,
    "api/test_projections.py": 12,
    "api/test_own_writes.py": 12,
    "infrastructure/test_deadlines.py": 12,
    "infrastructure/test_import.py": 12,
    "infrastructure/test_sample.py": 10,
    "infrastructure/test_read_models.py": 10,
    "api/test_rights_commands.py": 10,
    "infrastructure/test_event_log.py": 10,
    "api/test_token_endpoint.py": 9,
    "infrastructure/test_rebuild_versions.py": 9,
    "infrastructure/test_row_security.py": 9,
    "api/test_rights_graph.py": 8,
}
"""About how long a file takes by itself on two processors, if it is long.

Where several processes share the files, the longest go first: the last of them would wait for such a one.
"""
