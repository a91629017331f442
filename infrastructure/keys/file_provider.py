"""Key-encryption keys in files: one folder, one file for each, readable by this user alone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.keys.data_keys import KEY_BYTES, NONCE_BYTES, KeyBrokenError, KeysUnavailableError
from infrastructure.keys.provider import BoundKey
from infrastructure.secret_files import write_new_text

KIND = "file"
_ID = re.compile(rf"{KIND}-[0-9a-f]{{16}}")


class FileProvider:
    """Wraps with AES-256-GCM (NIST SP 800-38D): a random nonce, the key sealed, the tag."""

    waits = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ciphers: dict[str, AESGCM] = {}

    def new_id(self) -> str:
        return f"{KIND}-{secrets.token_hex(8)}"

    def make(self, kek_id: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            write_new_text(self._path(kek_id), secrets.token_hex(KEY_BYTES))
        self._sync_folder()

    def wrap(self, kek_id: str, keys: Sequence[BoundKey]) -> Sequence[bytes]:
        cipher = self._cipher(kek_id)
        wrapped = []
        for key, associated_data in keys:
            nonce = secrets.token_bytes(NONCE_BYTES)
            wrapped.append(nonce + cipher.encrypt(nonce, key, associated_data))
        return wrapped

    def unwrap(self, kek_id: str, wrapped: Sequence[BoundKey]) -> Sequence[bytes]:
        cipher = self._cipher(kek_id)
        try:
            return [
                cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], associated_data)
                for content, associated_data in wrapped
            ]
        except InvalidTag as error:
            raise KeyBrokenError("a wrapped key was changed, or is bound to another owner") from error

    def remove(self, kek_id: str) -> None:
        self._ciphers.pop(kek_id, None)
        path = self._path(kek_id)
        with contextlib.suppress(FileNotFoundError):
            # A file system that writes in place overwrites the key on the disk too.
            with path.open("r+b") as file:
                file.write(b"0" * path.stat().st_size)
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            self._sync_folder()

    def _sync_folder(self) -> None:
        # Only a synced folder makes the creation or deletion of a file durable.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _cipher(self, kek_id: str) -> AESGCM:
        if kek_id not in self._ciphers:
            try:
                self._ciphers[kek_id] = AESGCM(bytes.fromhex(self._path(kek_id).read_text(encoding="ascii")))
            except (OSError, ValueError) as error:
                raise KeysUnavailableError(f"the key-encryption key {kek_id} cannot be read") from error
        return self._ciphers[kek_id]

    def _path(self, kek_id: str) -> Path:
        if not _ID.fullmatch(kek_id):
            raise KeysUnavailableError("a key-encryption key has a name that no file has")
        return self._folder / f"{kek_id}.kek"
