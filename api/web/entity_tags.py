"""Entity tags in If-Match and If-None-Match, read and compared as RFC 9110 says (sections 8.8.3, 13.1.1, 13.1.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

CACHED_HEADERS = 256

# One element of the list, which may be empty, up to the comma after it.
_ELEMENT = re.compile(r'[ \t]*(?:(W/)?("[!#-~]*"))?[ \t]*(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The tags of a header, in their quotes; `anything` stands for an asterisk."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    anything: bool = False

    def match_weakly(self, tag: str) -> bool:
        """Return whether the current tag is among these, whether they are strong or weak (If-None-Match)."""
        return self.anything or tag in self.strong or tag in self.weak


@lru_cache(CACHED_HEADERS)
def read_tags(header: str) -> EntityTags | None:
    """Return the tags that a header lists, None if it is not a list of tags."""
    text = header.strip(" \t")
    if text == "*":
        return EntityTags(anything=True)
    strong: set[str] = set()
    weak: set[str] = set()
    place = 0
    while place < len(text):
        element = _ELEMENT.match(text, place)
        if element is None:
            return None
        if element[2]:
            (weak if element[1] else strong).add(element[2])
        place = element.end()
    return EntityTags(frozenset(strong), frozenset(weak)) if strong or weak else None
