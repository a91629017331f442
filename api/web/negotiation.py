"""The preferences in the headers Accept and Accept-Language (RFC 9110, 12.5.1 and 12.5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MAX_RANGES = 20
"""Ranges of a header that are read."""


def weights(header: str) -> Mapping[str, float]:
    """Return the ranges of a header in lower case and in their order, each with its weight from 0 to 1."""
    found: dict[str, float] = {}
    for part in header.lower().split(",")[:MAX_RANGES]:
        name, *parameters = (it.strip() for it in part.split(";"))
        found[name] = max(found.get(name, 0.0), _weight(parameters))
    return found


def _weight(parameters: Sequence[str]) -> float:
    given = next((it.partition("=")[2] for it in parameters if it.startswith("q=")), "1")
    try:
        return min(max(float(given), 0.0), 1.0)
    except ValueError:
        return 0.0
