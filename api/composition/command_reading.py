"""Makes the readers of commands that come from elsewhere than the doors: from a file, or the command line."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

from api.rest.command_reader import CommandReader, command_readers
from api.rest.command_routes import COMMAND_ROUTES
from infrastructure.settings import Settings, blind_index_key


def make_command_readers(settings: Settings) -> Mapping[str, CommandReader]:
    """Make the readers, by intent, of commands that come from a file or the command line."""
    return command_readers(COMMAND_ROUTES, keyed_hash(blind_index_key(settings)))


def keyed_hash(key: bytes) -> Callable[[bytes], bytes]:
    # The log hashes claims with the same key, each under its kind; "request" is no kind of claim.
    return lambda content: hmac.digest(key, b"request\0" + content, "sha256")
