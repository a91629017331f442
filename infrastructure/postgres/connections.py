"""Connections to PostgreSQL: what each session is told first, and how a peer that vanished is noticed."""

from __future__ import annotations

LOOKUPS_BY_INDEX = (
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET plan_cache_mode = force_generic_plan",
)
"""For sessions that only look rows up by key: each statement is planned once, by index, however the tables grow."""
