"""Commands as callers send them: each with its door, and what the bodies of many have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.rest.command_route import CommandRoute
from api.rest.command_routes import COMMAND_ROUTES
from application.ports import Role
from tests.check_digits import enterprise_number

PLATFORM = "platform"
DOOR: Mapping[str, CommandRoute] = {route.intent: route for route in COMMAND_ROUTES}
SHA256_BASE64URL = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
SHA256_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOTICE: Mapping[str, Any] = {"noticeVersion": "2026-01", "language": "nl", "noticeSha256": SHA256_BASE64URL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command as a caller sends it; `organisation` is the name of an organisation of the world."""

    intent: str
    role: Role = Role.AGENCY
    organisation: str = PLATFORM
    ids: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: str | None = None

    @property
    def path(self) -> str:
        return DOOR[self.intent].path.format_map(self.ids)


def organisation(name: str, serial: int) -> dict[str, Any]:
    return {
        "names": {"nl": f"De {name}", "fr": f"Le {name}"},
        "organisationType": "municipality",
        "level": "local",
        "enterpriseNumber": enterprise_number(serial),
        "jurisdiction": "be",
    }


def at(instant: datetime) -> str:
    return instant.isoformat()
