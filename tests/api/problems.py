"""The stable codes as docs/problems.md documents them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([0-9]{3}) \| \S.* \|$", re.MULTILINE)


@cache
def documented() -> Mapping[str, int]:
    """Return the status of each code on the page."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    statuses = {code: int(status) for code, status in rows}
    assert len(statuses) == len(rows), "a code stands on the page twice"
    return statuses
