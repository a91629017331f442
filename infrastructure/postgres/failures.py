"""The one error of this package, so that its modules can share it without importing each other."""

from __future__ import annotations


class DatabaseUnusable(Exception):  # noqa: N818 - it reads as the sentence it is
    """The database cannot be used as it is; the message says why and what to do, and holds no secret."""
