"""Header fields that keep a browser from doing with an answer what it is not for, on every answer.

What a route says itself stays: the pages have a content security policy of their own. After OWASP's REST Security Cheat
Sheet: an answer that is data has nothing to load, to frame or to be framed by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

NOTHING = "default-src 'none'; frame-ancestors 'none'"
HANDBOOK = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For the pages of the OpenAPI document: their makers start them with a script in the page."""

HANDBOOKS = frozenset({"/docs", "/docs/oauth2-redirect", "/redoc"})

USUAL = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Only where callers reach the platform over https: a browser then never speaks to this host without."""


def secured(headers: Iterable[tuple[bytes, bytes]], scope: Scope, *, https: bool) -> RawHeaders:
    """Return header fields of an answer with those that it does not say itself."""
    said: RawHeaders = list(headers)
    names = {name.lower() for name, _ in said}
    policy = HANDBOOK if scope["path"] in HANDBOOKS else NOTHING
    added: Sequence[tuple[bytes, bytes]] = [
        *USUAL,
        (b"content-security-policy", policy.encode()),
        (b"cache-control", _caching(scope)),
        *([TRANSPORT] if https else []),
    ]
    return said + [(name, value) for name, value in added if name not in names]


def _caching(scope: Scope) -> bytes:
    """Say how long an answer is kept: what was asked with a token may be about somebody, and is kept nowhere."""
    asked_as_somebody = any(name == b"authorization" for name, _ in scope["headers"])
    return b"private, no-store" if asked_as_somebody or scope["method"] not in {"GET", "HEAD"} else b"no-cache"
