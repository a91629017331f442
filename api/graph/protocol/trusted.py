"""Trusted documents: queries on the list of an organisation, which callers name by their hash.

The list is a folder: `<organisation>/<SHA-256 in hexadecimal digits>.graphql`, and the folder `all` for everybody's. A
file counts only if its content has the hash that its name gives. Files may be added and removed while the server runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import structlog

LOG = structlog.get_logger()

EVERYBODY = "all"
SUFFIX = ".graphql"
MAX_BYTES = 100_000
"""Bytes of one file: more than any document may have."""

CACHED_FILES = 512

_HASH = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def hash_of(text: str) -> str:
    """Return the SHA-256 of a document's exact text in UTF-8, in hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def is_hash(given: str) -> bool:
    return _HASH.fullmatch(given) is not None


def is_folder(name: str) -> bool:
    """Return whether an organisation's id can be the name of its folder."""
    return _FOLDER.fullmatch(name) is not None


class TrustedDocuments:
    """Reads the lists. A file is found anew for each request, and read when it has changed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: Callable[[Path, int], str | None] = lru_cache(CACHED_FILES)(_read)

    def find(self, organisation_id: str, document_hash: str) -> str | None:
        """Return the text of a document on the list of an organisation, or on everybody's."""
        if self._folder is None or not is_hash(document_hash):
            return None
        for owner in (organisation_id, EVERYBODY):
            path = self._folder / owner / f"{document_hash}{SUFFIX}"
            if is_folder(owner) and (text := self._found(path)) is not None:
                return text
        return None

    def _found(self, path: Path) -> str | None:
        try:
            return self._read(path, path.stat().st_mtime_ns)
        except OSError:
            # There is no such file, or it was removed just now.
            return None


def _read(path: Path, _changed_ns: int) -> str | None:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES or sha256(content).hexdigest() != path.name.removesuffix(SUFFIX):
        LOG.warning("trusted_document_changed", document=path.name)
        return None
    # The hash is that of a text in UTF-8.
    return content.decode("utf-8", errors="replace")
