"""What the tests of benchmarks share: a server that keeps what is committed, as every one that is measured."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _measured(durable: None) -> None:
    """Nothing is measured on a server that may lose what it confirmed."""
