"""How long the suites run that take long: short in `make test`, long with `--long`, as in `make torture`."""

from __future__ import annotations

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
