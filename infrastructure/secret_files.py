"""Secrets in files of the data folder: made once, readable by one user alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

SECRET_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """Return the random bytes kept in this file, made at the first call."""
    return bytes.fromhex(kept_text(path, lambda: secrets.token_hex(SECRET_BYTES)))


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """Return the text kept in this file, made at the first call; two processes at once get the same one."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another process was first: its text holds
            keep_new_text(path, make())
    return path.read_text(encoding="utf-8").strip()


def keep_new_text(path: Path, text: str) -> None:
    """Write a file that this user alone can read, whole or not at all; raise FileExistsError if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(name)
    finally:
        Path(name).unlink()
