"""The algorithms by which a token, a proof or an assertion may be signed."""

from __future__ import annotations

from collections.abc import Sequence

ALGORITHMS: Sequence[str] = (
    *("ES256", "ES384", "ES512"),
    *("PS256", "PS384", "PS512"),
    *("RS256", "RS384", "RS512"),
    *("EdDSA", "Ed25519"),
)
"""Signatures with a public key only (RFC 7518, 8037, 9864). A setting may pin fewer, never another one."""
