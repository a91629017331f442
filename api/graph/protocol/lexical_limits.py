"""The characters and tokens of a document, counted before it is parsed.

Tokens by https://spec.graphql.org/draft/#sec-Language.Source-Text: names, numbers, strings, punctuation. Any other
character counts as a token too, and is left to the parser.
"""

from __future__ import annotations

import re

from api.graph.protocol.limits import Limits, refused

MAX_CHARACTERS = 20_000
"""Characters of a document, with its comments, which are no tokens."""

MAX_OPEN = 30
"""Brackets open at once: fields, inline fragments and values."""

_TOKEN = re.compile(
    r'#[^\n\r]*|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"'
    r"|\.\.\.|-?[0-9][0-9.eE+-]*|\w+|[^\s,\ufeff]"
)
_OPEN = frozenset("{[(")
_CLOSED = frozenset("}])")


def scan(text: str, limits: Limits) -> None:
    """Refuse, with a GraphQLError, a text of too many characters, tokens, directives, or brackets in brackets."""
    if len(text) > MAX_CHARACTERS:
        raise refused("too-many-tokens", f"The document is longer than {MAX_CHARACTERS} characters.")
    tokens = [token for token in _TOKEN.findall(text) if token[0] != "#"]
    if len(tokens) > limits.tokens:
        raise refused("too-many-tokens", f"The document has more than {limits.tokens} tokens.")
    if tokens.count("@") > limits.directives:
        raise refused("too-many-directives", f"There are more than {limits.directives} directives.")
    opened = 0
    for token in tokens:
        opened += (token in _OPEN) - (token in _CLOSED)
        if opened > MAX_OPEN:
            raise refused("query-too-deep", f"More than {MAX_OPEN} brackets are open at once.")
