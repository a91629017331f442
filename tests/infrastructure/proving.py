"""DPoP proofs for tests, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from infrastructure.tokens.dpop import ath
from tests.infrastructure.issuing import ANY, NOW

PROOF_KEY = ECKey.generate_key("P-256")
OTHER_KEY = ECKey.generate_key("P-256")
METHOD, ADDRESS = "POST", "https://api.example.be/organisations"


def proof(
    token: str = "",
    key: Any = PROOF_KEY,
    header: Mapping[str, Any] | None = None,
    *,
    now: float = NOW.timestamp(),
    **claims: Any,
) -> str:
    """Make a proof for a request with this token; a claim or a part of the header that is `...` is left out."""
    made: dict[str, Any] = {"htm": METHOD, "htu": ADDRESS, "iat": int(now), "jti": str(uuid4())}
    if token:
        made["ath"] = ath(token)
    said = {name: value for name, value in (made | claims).items() if value is not ...}
    public = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    marked = {name: value for name, value in (public | dict(header or {})).items() if value is not ...}
    return jwt.encode(marked, said, key, registry=ANY, default_type=None)
