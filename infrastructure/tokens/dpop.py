"""Proof of possession of the key that a token is bound to: DPoP (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.jose import (
    MALFORMED,
    SKEW_S,
    Claims,
    is_id,
    is_instant,
    parse_signed,
    public_key,
    verified_claims,
)
from infrastructure.tokens.token_refusals import ProofRefusedError
from infrastructure.tokens.used_ids import UsedIds

TYPE = "dpop+jwt"
PROOF_MAX_AGE_S = 60
MAX_PROOF_LENGTH = 4_096

_PORTS = {"https": 443, "http": 80}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DpopRequest:
    """The request for which a proof has to be made.

    `token` and the thumbprint of its key are empty in a request for a token.
    """

    method: str
    address: str
    now: float
    token: str = ""
    thumbprint: str = ""


class Proofs:
    """Checks proofs; each one is valid once."""

    def __init__(self, seen: UsedIds | None = None) -> None:
        self._seen = seen or UsedIds()

    def thumbprint(self, proofs: Sequence[str], asked: DpopRequest) -> str:
        """Return the thumbprint of the key (RFC 7638) that the one proof shows; raise ProofRefusedError otherwise.

        The checks are those of RFC 9449, section 4.3, in its order; the proof counts as used only if all of them hold.
        """
        if len(proofs) != 1 or len(proofs[0]) > MAX_PROOF_LENGTH:
            raise ProofRefusedError("exactly one proof")
        try:
            claims, thumbprint = _proven(proofs[0])
            _check(claims, thumbprint, asked)
        except MALFORMED as error:
            raise ProofRefusedError(type(error).__name__) from error
        # A proof dated ahead of our clock stays valid longer, so it is remembered longer.
        until = asked.now + PROOF_MAX_AGE_S + SKEW_S + 1
        if not self._seen.is_first(thumbprint, claims["jti"], now=asked.now, until=until):
            raise ProofRefusedError("used before")
        return thumbprint


def ath(token: str) -> str:
    """Return the hash by which a proof names its token (RFC 9449, section 4.2)."""
    return _base64url(hashlib.sha256(token.encode()).digest())


def normal(address: str) -> str:
    """Return an address without query and fragment in the one form of RFC 3986, sections 6.2.2 and 6.2.3."""
    parts = urlsplit(address)
    scheme, host = parts.scheme.lower(), (parts.hostname or "")
    if scheme not in _PORTS or not host or "@" in parts.netloc:
        raise ValueError("address")
    port = "" if parts.port in {None, _PORTS[scheme]} else f":{parts.port}"
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}{port}{_ESCAPE.sub(_unescaped, parts.path) or '/'}"


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _proven(proof: str) -> tuple[Claims, str]:
    signed = parse_signed(proof, kinds={TYPE}, algorithms=ALGORITHMS, brings_key=True)
    key = public_key(signed.protected["jwk"])
    return verified_claims(signed, key), key.thumbprint()


def _check(claims: Claims, thumbprint: str, asked: DpopRequest) -> None:
    if not is_id(claims.get("jti")):
        raise ValueError("jti")
    if claims.get("htm") != asked.method:
        raise ValueError("htm")
    if not isinstance(claims.get("htu"), str) or normal(claims["htu"]) != normal(asked.address):
        raise ValueError("htu")
    made_at = claims.get("iat")
    if not is_instant(made_at) or not -PROOF_MAX_AGE_S <= made_at - asked.now <= SKEW_S:
        raise ValueError("iat")
    if asked.token and claims.get("ath") != ath(asked.token):
        raise ValueError("ath")
    if asked.thumbprint and thumbprint != asked.thumbprint:
        raise ValueError("another key")


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
