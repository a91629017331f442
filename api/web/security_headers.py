"""Header fields on every answer that restrict what a browser may do with it.

A field that a route sets itself stays: the pages have a content security policy of their own. Source: OWASP's REST
Security Cheat Sheet; an answer that is data loads nothing, frames nothing and is framed by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from starlette.types import Scope

from api.web.header_fields import header_fields

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
    # With a token an answer may be about a person, and no cache keeps it.
    kept = b"authorization" not in header_fields(scope).first and scope["method"] in {"GET", "HEAD"}
    added = _added(scripts=scope["path"] in API_DOCS_PATHS, kept=kept, https=https)
    given += [field for field in added if field[0] not in names]
    return given


@cache
def _added(*, scripts: bool, kept: bool, https: bool) -> Sequence[tuple[bytes, bytes]]:
    return (
        *USUAL,
        (b"content-security-policy", (API_DOCS if scripts else NOTHING).encode()),
        (b"cache-control", b"no-cache" if kept else b"private, no-store"),
        *([TRANSPORT] if https else []),
    )
