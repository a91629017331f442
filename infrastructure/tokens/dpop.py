"""Proof of possession of the key that a token is bound to: DPoP (RFC 9449)."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from joserfc.jwt import Claims
from joserfc.util import urlsafe_b64encode

from application.ports import Credentials
from application.token_refusals import ProofRefusedError
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.jose import (
    MALFORMED,
    SKEW_S,
    is_id,
    is_instant,
    parse_signed,
    public_key,
    verified_claims,
)
from infrastructure.tokens.used_ids import UsedIds

TYPE = "dpop+jwt"
PROOF_MAX_AGE_S = 60
MAX_PROOF_LENGTH = 4_096

_PORTS = {"https": 443, "http": 80}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class Proofs:
    """Checks proofs; each one is valid once."""

    def __init__(self, used: UsedIds | None = None) -> None:
        self._used = used or UsedIds()

    async def thumbprint(self, credentials: Credentials, now: float, bound_to: str = "") -> str:
        """Return the thumbprint of the key (RFC 7638) that the one proof shows; raise ProofRefusedError otherwise.

        `bound_to` is the thumbprint of the token's key; it is empty, as the token is, in a request for a token. The
        checks are those of RFC 9449, section 4.3; the proof counts as used only if all of them hold.
        """
        if len(credentials.proofs) != 1 or len(credentials.proofs[0]) > MAX_PROOF_LENGTH:
            raise ProofRefusedError("exactly one proof")
        try:
            claims, thumbprint = _proven(credentials.proofs[0])
            _check(claims, credentials, now)
            if bound_to not in ("", thumbprint):
                raise ValueError("another key")
        except MALFORMED as error:
            raise ProofRefusedError(type(error).__name__) from error
        # A proof dated ahead of our clock stays valid longer, so it is remembered longer.
        until = now + PROOF_MAX_AGE_S + SKEW_S + 1
        if not await self._used.is_first_anywhere(thumbprint, claims["jti"], now=now, until=until):
            raise ProofRefusedError("used before")
        return thumbprint


def ath(token: str) -> str:
    """Return the hash by which a proof names its token (RFC 9449, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode()


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
    """Return the claims and the thumbprint of the key that comes with the proof and signed it."""
    signed = parse_signed(proof, kinds={TYPE}, algorithms=ALGORITHMS, brings_key=True)
    key = public_key(signed.protected["jwk"])
    return verified_claims(signed, key), key.thumbprint()


def _check(claims: Claims, credentials: Credentials, now: float) -> None:
    made_at, address = claims.get("iat"), claims.get("htu")
    holds = {
        "jti": is_id(claims.get("jti")),
        "htm": claims.get("htm") == credentials.method,
        "htu": isinstance(address, str) and normal(address) == normal(credentials.address),
        "iat": is_instant(made_at) and -PROOF_MAX_AGE_S <= made_at - now <= SKEW_S,
        "ath": not credentials.token or claims.get("ath") == ath(credentials.token),
    }
    if not all(holds.values()):
        raise ValueError(", ".join(name for name, it_holds in holds.items() if not it_holds))
