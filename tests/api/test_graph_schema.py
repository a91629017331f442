"""Clients of the last release are answered as before: the schema only grows."""

from __future__ import annotations

import re
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from api.graph.protocol.schema import GRAPHQL_SCHEMA

QUALITIES = {f"Enum value Quality.{name} was added." for name in ("PARTIAL", "NO_DATA")}
"""A period that its figure covers in part, or not at all, was said to be exact before."""

MORE_STEPS = {"Enum value InvoiceStepKind.RESPONSE_OVERDUE was added."}
"""Nothing told buyer and supplier before that a response is overdue."""

LAST_RELEASE = Path(__file__).with_name("schema.graphql")


def test_nothing_of_the_last_releases_schema_is_gone_or_means_something_else() -> None:
    """Types, fields, arguments, values and defaults stay; descriptions may change, and more may come.

    After a release: print the sorted schema into the file.
    """
    before = build_schema(LAST_RELEASE.read_text(encoding="utf-8"))
    changes = [*find_breaking_changes(before, GRAPHQL_SCHEMA), *find_dangerous_changes(before, GRAPHQL_SCHEMA)]
    assert [description for _, description in changes if not _is_mended(description)] == []


def _is_mended(change: str) -> bool:
    """Return whether a change is of a fault: an error in a field of `Query` made the whole answer null before."""
    found = re.search(r"Query\.\w+ changed type from (\S+)! to (\S+)\.", change)
    return change in QUALITIES | MORE_STEPS or (found is not None and found[1] == found[2])
