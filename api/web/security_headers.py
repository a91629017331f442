"""Header fields on every answer that restrict what a browser may do with it.

A field that a route sets itself stays: the pages have a content security policy of their own. Source: OWASP's REST
Security Cheat Sheet; an answer that is data loads nothing, frames nothing and is framed by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

NOTHING = "default-src 'none'; frame-ancestors 'none'"
API_DOCS = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For the pages of the OpenAPI document, which start with an inline script of their authors."""

API_DOCS_PATHS = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})

USUAL = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Only if callers connect over https: a browser then refuses to connect to this host without."""


def secured(headers: Iterable[tuple[bytes, bytes]], scope: Scope, *, https: bool) -> RawHeaders:
    """Return the header fields of an answer, with those of ours that it does not set itself."""
    given: RawHeaders = list(headers)
    names = {name.lower() for name, _ in given}
    policy = API_DOCS if scope["path"] in API_DOCS_PATHS else NOTHING
    added: Sequence[tuple[bytes, bytes]] = [
        *USUAL,
        (b"content-security-policy", policy.encode()),
        (b"cache-control", _caching(scope)),
        *([TRANSPORT] if https else []),
    ]
    return given + [(name, value) for name, value in added if name not in names]


def _caching(scope: Scope) -> bytes:
    """Return the caching of an answer. With a token it may be about a person, and no cache keeps it."""
    with_token = any(name == b"authorization" for name, _ in scope["headers"])
    return b"private, no-store" if with_token or scope["method"] not in {"GET", "HEAD"} else b"no-cache"
