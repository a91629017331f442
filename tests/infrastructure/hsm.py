"""A token of a test's own, by SoftHSM 2: a PKCS #11 module without a machine behind it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Session
from pkcs11.exceptions import UserAlreadyLoggedIn
from pydantic import SecretStr

from infrastructure.keys.pkcs11_provider import Pkcs11Provider
from tests.parts import SOFTHSM

TOKEN = "kroniek-tests"
PIN = "pin-of-tests"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
CONFIGURATION = "SOFTHSM2_CONF"


@dataclass(frozen=True, slots=True)
class Token:
    """Where the token is. Processes that are started meanwhile find it by their environment."""

    module: Path

    def provider(self) -> Pkcs11Provider:
        return Pkcs11Provider(self.module, TOKEN, SecretStr(PIN), "kroniek")

    def settings(self) -> Mapping[str, Any]:
        return {
            "keys_provider": "pkcs11",
            "pkcs11_module": self.module,
            "pkcs11_token": TOKEN,
            "pkcs11_pin": PIN,
        }

    @contextmanager
    def session(self) -> Iterator[Session]:
        token = pkcs11.lib(str(self.module)).get_token(token_label=TOKEN)
        try:
            session = token.open(user_pin=PIN)
        except UserAlreadyLoggedIn:
            session = token.open()
        with session:
            yield session


@contextmanager
def token_made(folder: Path) -> Iterator[Token]:
    """Make a token in a folder. One is enough for a process: its module is loaded once."""
    program = SOFTHSM.path()
    module = next((Path(path) for path in MODULES if Path(path).exists()), None)
    assert module is not None, f"SoftHSM 2 is installed, but not its module: none of {', '.join(MODULES)}"
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ[CONFIGURATION] = str(configuration)
    try:
        command = [program, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "so-pin-of-tests"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield Token(module)
    finally:
        del os.environ[CONFIGURATION]
