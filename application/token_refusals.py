"""Refusals of tokens, proofs and requests for tokens. No message repeats anything of the request."""

from __future__ import annotations


class TokenRefusedError(Exception):
    """The token proves nothing here: malformed, expired, of another issuer, for another audience, or shown wrongly."""


class ProofRefusedError(Exception):
    """The token is bound to a key, and the request does not prove possession of that key."""


class IssuerUnavailableError(Exception):
    """The issuer's keys cannot be fetched, so no token can be verified."""


class GrantRefusedError(Exception):
    """No token is given out; `code` is one of RFC 6749, section 5.2, or of RFC 9449, section 5."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(code)
