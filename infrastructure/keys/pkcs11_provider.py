"""Key-encryption keys in a token that never gives them away: PKCS #11 (OASIS, version 2.40), AES-GCM in the token."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass, PKCS11Error, Session
from pkcs11.exceptions import EncryptedDataInvalid, EncryptedDataLenRange, FunctionFailed, GeneralError, NoSuchKey
from pkcs11.exceptions import UserAlreadyLoggedIn as AlreadyLoggedIn
from pydantic import SecretStr

from infrastructure.keys.data_keys import KEY_BYTES, NONCE_BYTES, KeyBrokenError, KeysUnavailableError
from infrastructure.keys.provider import BoundKey

KIND = "pkcs11"
TAG_BITS = 128
ATTEMPTS = 2
"""Where a token ended the session, a call is tried again in a new one."""

_NO_PLAINTEXT = (GeneralError, FunctionFailed, EncryptedDataInvalid, EncryptedDataLenRange)
"""The errors of tokens for a wrong tag. The first two may also mean trouble in the token."""

_ID = re.compile(rf"{KIND}-(?P<label>[A-Za-z0-9_.-]{{1,60}})")
_FROM_TOKEN = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
}
Kek = Any
"""A key of a token. Its methods depend on the token and are not typed by the library."""

T = TypeVar("T")


class Pkcs11Provider:
    """Wraps with AES-256-GCM inside the token: a random nonce, the key sealed, the tag.

    A key-encryption key is an object of the token; its label begins with `key_label`.
    """

    waits = True

    def __init__(self, module: Path, token: str, pin: SecretStr, key_label: str) -> None:
        self._module = module
        self._token = token
        self._pin = pin
        self._key_label = key_label
        self._session: Session | None = None
        self._found: dict[str, Kek] = {}
        # A session does one thing at a time.
        self._one_at_a_time = threading.Lock()

    def new_id(self) -> str:
        return f"{KIND}-{self._key_label}-{secrets.token_hex(8)}"

    def make(self, kek_id: str) -> None:
        def make(session: Session) -> None:
            if _find(session, _label(kek_id)) is None:
                session.generate_key(
                    KeyType.AES,
                    8 * KEY_BYTES,
                    label=_label(kek_id),
                    store=True,
                    capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                    template=_FROM_TOKEN,
                )

        self._do(make)

    def wrap(self, kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        return self._each(_wrapped, kek_id, keys)

    def unwrap(self, kek_id: str, wrapped: Sequence[BoundKey]) -> Sequence[bytes]:
        return self._each(_unwrapped, kek_id, wrapped)

    def remove(self, kek_id: str) -> None:
        def remove(session: Session) -> None:
            kek = _find(session, _label(kek_id))
            if kek is not None:
                kek.destroy()
            self._found.pop(kek_id, None)

        self._do(remove)

    def _each(self, work: Callable[[Kek, BoundKey], bytes], kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        def work_on_all(session: Session) -> Sequence[bytes]:
            kek = self._key(session, kek_id)
            return [work(kek, key) for key in keys]

        return self._do(work_on_all)

    def _key(self, session: Session, kek_id: str) -> Kek:
        if kek_id not in self._found:
            kek = _find(session, _label(kek_id))
            if kek is None:
                raise KeysUnavailableError(f"the token has no key-encryption key {kek_id}")
            self._found[kek_id] = kek
        return self._found[kek_id]

    def _do(self, work: Callable[[Session], T]) -> T:
        """Do work in a session with the token; open a session where there is none."""
        with self._one_at_a_time:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    if self._session is None:
                        self._session = self._open()
                    return work(self._session)
                except PKCS11Error as error:
                    self._session = None
                    self._found.clear()
                    if attempt == ATTEMPTS:
                        raise KeysUnavailableError(f"the token answers {type(error).__name__}") from error
        raise AssertionError

    def _open(self) -> Session:
        token = pkcs11.lib(str(self._module)).get_token(token_label=self._token)
        try:
            return token.open(user_pin=self._pin.get_secret_value(), rw=True)
        except AlreadyLoggedIn:
            # A process is logged in once, for all its sessions.
            return token.open(rw=True)


def _find(session: Session, label: str) -> Kek | None:
    try:
        return session.get_key(object_class=ObjectClass.SECRET_KEY, label=label)
    except NoSuchKey:
        return None


def _label(kek_id: str) -> str:
    match = _ID.fullmatch(kek_id)
    if match is None:
        raise KeysUnavailableError("a key-encryption key has a name that no token has")
    return match["label"]


def _wrapped(kek: Kek, key: BoundKey) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _crypt(kek.encrypt, key.content, nonce, key.associated_data)


def _unwrapped(kek: Kek, wrapped: BoundKey) -> bytes:
    content, associated_data = wrapped
    try:
        return _crypt(kek.decrypt, content[NONCE_BYTES:], content[:NONCE_BYTES], associated_data)
    except _NO_PLAINTEXT as error:
        _must_work(kek)
        raise KeyBrokenError("a wrapped key was changed, or is bound to another owner") from error


def _must_work(kek: Kek) -> None:
    """Raise PKCS11Error if the token cannot unwrap its own wrapping: then the token is in trouble, not the key."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    _crypt(kek.decrypt, _crypt(kek.encrypt, b"", nonce, b""), nonce, b"")


def _crypt(call: Callable[..., bytes], content: bytes, nonce: bytes, associated_data: bytes) -> bytes:
    return call(content, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, associated_data, TAG_BITS))
