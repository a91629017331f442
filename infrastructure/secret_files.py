"""Secrets in files: written whole or not at all, readable by one user alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

SECRET_BYTES = 32


def stored_secret(path: Path) -> bytes:
    """Return the random bytes in this file, which the first call makes."""
    return bytes.fromhex(stored_text(path, lambda: secrets.token_hex(SECRET_BYTES)))


def stored_text(path: Path, make: Callable[[], str]) -> str:
    """Return the text in this file, which the first call makes; two processes at once get the same one."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another process was first: its text holds
            write_new_text(path, make())
    return path.read_text(encoding="utf-8").strip()


def write_new_text(path: Path, text: str) -> None:
    """Write a file that this user alone can read, whole or not at all; raise FileExistsError if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_secret(path.parent, text) as new:
        path.hardlink_to(new)


def replace_text(path: Path, text: str) -> None:
    """Write a file that one user alone can read, whole or not at all: the owner of the one that it replaces, if any."""
    with temporary_secret(path.parent, text) as new:
        if path.exists():
            shutil.chown(new, path.stat().st_uid, path.stat().st_gid)
        new.replace(path)


@contextlib.contextmanager
def temporary_secret(folder: Path, text: str) -> Iterator[Path]:
    """Yield a new file that this user alone can read, once its text is on disk; remove it at the end."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")  # made with mode 0600
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)
