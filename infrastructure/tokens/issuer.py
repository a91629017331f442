"""The platform as its own issuer on one machine: its key and the tokens that it signs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import DictKey, ECKey, KeySet, KeySetSerialization

from application.ports import Caller
from infrastructure.secret_files import stored_text
from infrastructure.tokens.verifier import TYPE

LOCAL_ALGORITHM = "ES256"


class LocalIssuer:
    """Issues tokens for local use, signed with a key in the data folder."""

    def __init__(self, folder: Path, issuer: str, audience: str, role_claim: str = "role") -> None:
        self.issuer = issuer
        self._audience = audience
        self._role_claim = role_claim
        text = stored_text(folder / "token-key.json", lambda: json.dumps(_new_key()))
        self._key = ECKey.import_key(json.loads(text))
        self._keys = KeySet([self._key])

    async def key_set(self, *, lacking: str = "") -> KeySet:  # noqa: ARG002 - the one key never changes
        return self._keys

    def jwks(self) -> KeySetSerialization:
        return self._keys.as_dict(private=False)

    def issue(
        self,
        caller: Caller,
        now: datetime,
        lifetime: timedelta,
        *,
        thumbprint: str = "",
        consumer: Mapping[str, str] | None = None,
    ) -> str:
        """Sign a token with what RFC 9068, section 2.2, asks for.

        `thumbprint` binds it to a key (RFC 9449); `consumer` names the organisation as a register does, not by its id.
        """
        claims: jwt.Claims = {
            "iss": self.issuer,
            "aud": self._audience,
            "sub": caller.subject,
            "client_id": caller.subject,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(uuid4()),
            self._role_claim: caller.role.value,
            **({"organisation": caller.organisation_id} if consumer is None else {"consumer": dict(consumer)}),
        }
        if caller.supplier_id:
            claims["supplier"] = caller.supplier_id
        if caller.scopes:
            claims["scope"] = " ".join(sorted(caller.scopes))
        if thumbprint:
            claims["cnf"] = {"jkt": thumbprint}
        header = {"alg": LOCAL_ALGORITHM, "typ": TYPE, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[LOCAL_ALGORITHM])


def _new_key() -> DictKey:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": LOCAL_ALGORITHM, "kid": str(uuid4())})
    return key.as_dict(private=True)
