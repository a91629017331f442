"""The clients of the local issuer: the organisation and the key of each program that may ask for tokens.

Each is a file of its own in the data folder, so that adding one is one step, and removing one is deleting its file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import DictKey, ECKey, Key

from application.ports import Caller, Role
from infrastructure.secret_files import write_new_text
from infrastructure.tokens.jose import MALFORMED, public_key

FOLDER = "clients"
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class ClientError(Exception):
    """A client cannot be added; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client and its public key; its id is the subject of the caller."""

    caller: Caller
    key: Key


class Clients:
    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER

    def get(self, client_id: object) -> Client | None:
        """Return the client with this id, if any. A new client is known at once, without a restart."""
        path = self._path(client_id)
        if path is None or not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        role, organisation_id, supplier_id = Role(content["role"]), content["organisation"], content.get("supplier", "")
        caller = Caller(subject=path.stem, role=role, organisation_id=organisation_id, supplier_id=supplier_id)
        return Client(caller=caller, key=public_key(content["jwk"]))

    def add(self, caller: Caller, jwk: Mapping[str, object]) -> None:
        """Register a client with its public key (a JWK); raise ClientError where it is refused."""
        path = self._path(caller.subject)
        if path is None:
            raise ClientError("The name of a client is 1 to 80 letters, digits, hyphens and underscores.")
        try:
            public_key(jwk)
        except MALFORMED as error:
            raise ClientError("The key must be a public one: RSA, or a curve of NIST or Ed25519, as a JWK.") from error
        supplier = {"supplier": caller.supplier_id} if caller.supplier_id else {}
        content = {"organisation": caller.organisation_id, "role": caller.role.value, "jwk": dict(jwk)} | supplier
        _write(path, content, "There is a client of this name already. Delete its file first.")

    def generate(self, name: str) -> tuple[DictKey, Path]:
        """Make a key for a client; return its public half, and the file that the private one was written to."""
        path = self._path(name)
        if path is None or path.exists():
            raise ClientError("There is a client of this name already, or it is no name.")
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": name})
        private = self._folder / f"{name}.private.jwk"
        refusal = "There is a private key for a client of this name already. Delete it first."
        _write(private, key.as_dict(private=True), refusal)
        return key.as_dict(private=False), private

    def _path(self, client_id: object) -> Path | None:
        # Ids have no dot and no slash, so none leads to another folder.
        known = isinstance(client_id, str) and _CLIENT_ID.fullmatch(client_id)
        return self._folder / f"{client_id}.json" if known else None


def _write(path: Path, content: Mapping[str, object], refusal: str) -> None:
    try:
        write_new_text(path, json.dumps(content, indent=2) + "\n")
    except FileExistsError as error:
        raise ClientError(refusal) from error
