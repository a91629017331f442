"""A first look at a document's characters, so that what is far too large is not even parsed.

Tokens by https://spec.graphql.org/draft/#sec-Language.Source-Text: names, numbers, strings, punctuation. What is none
of them counts too, and is left to the parser.
"""

from __future__ import annotations

import re

from api.graph.protocol.limits import Limits, refused

MOST_CHARACTERS = 20_000
"""Of a document, with its comments, which are no tokens."""

MOST_OPEN = 30
"""Brackets open at once: fields, inline fragments and values."""

_TOKEN = re.compile(
    r'#[^\n\r]*|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"'
    r"|\.\.\.|-?[0-9][0-9.eE+-]*|\w+|[^\s,\ufeff]"
)
_OPEN = frozenset("{[(")
_CLOSED = frozenset("}])")


def scan(text: str, limits: Limits) -> None:
    """Refuse, with a GraphQLError, what has too many characters, tokens, directives, or brackets in brackets."""
    if len(text) > MOST_CHARACTERS:
        raise refused("too-many-tokens", f"The document is longer than {MOST_CHARACTERS} characters.")
    tokens = [it for it in _TOKEN.findall(text) if it[0] != "#"]
    if len(tokens) > limits.tokens:
        raise refused("too-many-tokens", f"The document has more than {limits.tokens} tokens.")
    if tokens.count("@") > limits.directives:
        raise refused("too-many-directives", f"There are more than {limits.directives} directives.")
    opened = 0
    for token in tokens:
        opened += (token in _OPEN) - (token in _CLOSED)
        if opened > MOST_OPEN:
            raise refused("query-too-deep", f"More than {MOST_OPEN} brackets are open at once.")
