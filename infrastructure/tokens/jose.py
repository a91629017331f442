"""Reads signed JSON (RFC 7515) strictly: pinned algorithms, and no key or address that a header points to.

Callers choose the key and check the claims.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TypeGuard

from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import JWKRegistry, Key, OctKey, RSAKey
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import Claims, ClaimsOption, JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from domain.kernel import MalformedValue
from domain.kernel.json_text import check_json
from infrastructure.tokens.algorithms import ALGORITHMS

SKEW_S = 30
MAX_TOKEN_LENGTH = 8_192
MAX_ID_LENGTH = 255

ESSENTIAL: ClaimsOption = {"essential": True}

MALFORMED = (JoseError, MalformedValue, ValueError, TypeError, KeyError, RecursionError, OverflowError)
"""The errors that made-up signed JSON can cause."""

# A header with a key, or a link to one, would let everybody sign; no critical extension is understood.
_NOT_TAKEN = frozenset({"jku", "jwk", "x5u", "x5c", "b64", "crit"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEY_TYPES = frozenset({"EC", "RSA", "OKP"})
_CURVES = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
_RSA_BITS = range(2_048, 4_097)


class _Registry(JWSRegistry):
    """Takes longer headers, which hold a public key, and only the listed algorithms, none with a warning."""

    max_header_length = 4_096

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS:
            raise ValueError("algorithm")
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


def parse_signed(
    text: str, *, kinds: Collection[str], algorithms: Collection[str], brings_key: bool = False
) -> CompactSignature:
    """Parse signed JSON without checking the signature; raise one of MALFORMED if it is not of these kinds (`typ`).

    `brings_key` allows the header `jwk`, which a proof of possession has.
    """
    if len(text) > MAX_TOKEN_LENGTH or not text.isascii():
        raise ValueError("length")
    signed = extract_compact(text.encode(), None, _REGISTRY)
    check_json(urlsafe_b64decode(text.partition(".")[0].encode()))
    header: object = signed.protected
    if not isinstance(header, dict) or not _NOT_TAKEN.isdisjoint(header.keys() - ({"jwk"} if brings_key else set())):
        raise ValueError("header")
    if header.get("alg") not in tuple(algorithms):
        raise ValueError("algorithm")
    if str(header.get("typ", "")).lower().removeprefix("application/") not in kinds:
        raise ValueError("type")
    return signed


def claims_in(signed: CompactSignature) -> Claims:
    """Return the claims, unverified; raise one of MALFORMED if they are no object."""
    check_json(signed.payload or b"")
    claims = json.loads(signed.payload or b"")
    if not isinstance(claims, dict):
        raise TypeError("claims")
    return claims


def verified_claims(signed: CompactSignature, key: Key) -> Claims:
    """Return the claims if this key signed them; raise one of MALFORMED otherwise."""
    weak = isinstance(key, OctKey) or (isinstance(key, RSAKey) and key.raw_value.key_size not in _RSA_BITS)
    if weak or not validate_compact(signed, key, ALGORITHMS, _REGISTRY):
        raise BadSignatureError
    return claims_in(signed)


def check_claims(claims: Claims, now: float, **options: ClaimsOption) -> None:
    """Check claims at an instant (seconds since 1970) against the library's options; raise one of MALFORMED.

    `exp`, `nbf` and `iat` have a skew of SKEW_S.
    """
    JWTClaimsRegistry(now=int(now), leeway=SKEW_S, **options).validate(claims)
    if not all(is_instant(claims[name]) for name in ("exp", "iat", "nbf") if name in claims):
        raise ValueError("beyond all time")


def public_key(jwk: object) -> Key:
    """Import a public key (JWK); raise one of MALFORMED for anything else.

    RSA has 2,048 to 4,096 bits: less is weak, and more would let a caller make us calculate for long.
    """
    if not isinstance(jwk, Mapping) or not _PRIVATE.isdisjoint(jwk) or jwk.get("kty") not in _KEY_TYPES:
        raise ValueError("not a public key")
    if jwk["kty"] != "RSA" and jwk.get("crv") not in _CURVES:
        raise ValueError("curve")
    if jwk["kty"] == "RSA" and _bits(jwk["n"]) not in _RSA_BITS:
        raise ValueError("size")
    return JWKRegistry.import_key({name: value for name, value in jwk.items() if name not in {"x5u", "x5c"}})


def is_instant(value: object) -> TypeGuard[float]:
    """Return whether this is a NumericDate (RFC 7519): seconds since 1970, below 2^40."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 40


def is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH


def _bits(modulus: object) -> int:
    return int.from_bytes(urlsafe_b64decode(str(modulus).encode())).bit_length()
