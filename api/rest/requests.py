"""What a command's request says beside its body: version, idempotency key, and what the log should know of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from api.errors import Issue, Problem
from api.rest.bodies import ID_PATTERN, body_model, build, path_fields
from api.rest.doors import Door
from application.handler import Order
from application.ports import Caller, Idempotency
from domain.kernel import Context

MAX_KEY_LENGTH = 200
_ID = re.compile(ID_PATTERN)
_ETAG = re.compile(r'^"(\d{1,9})"$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish as it came in, over the single door or as a line of the bulk door."""

    ids: Mapping[str, str]
    body: bytes
    key: str | None
    if_match: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the platform knows of a request: who calls, when, and how it hangs together with others."""

    caller: Caller
    now: datetime
    correlation_id: str
    trace: str = ""


class Intake:
    """Turns the wishes that come in at one door into orders for the handler."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.model: type[BaseModel] = body_model(door)
        self.ids = path_fields(door.path)

    def order(self, wish: Wish, frame: Frame) -> Order:
        """Check everything that can be known without a state; raise a problem if something is wrong."""
        caller = frame.caller
        if caller.role not in self.door.roles:
            raise Problem(403, "role-not-allowed", f"The role {caller.role} may not do this.")
        ids = self._ids(wish.ids)
        body = self._body(wish.body)
        if self.door.creates:
            ids[self.door.creates] = str(uuid4())
        fields: dict[str, Any] = {**ids, "at": frame.now, "by": caller.organisation_id}
        return Order(
            command=build(self.door.command, body, fields),
            context=Context(
                acting_id=caller.subject,
                organisation_id=caller.organisation_id,
                activity=self.door.activity,
                command_id=str(uuid4()),
                correlation_id=frame.correlation_id,
                trace=frame.trace,
                effective_at=frame.now,
            ),
            idempotency=self._idempotency(wish, caller),
            expected_version=self._expected_version(wish.if_match),
        )

    def _ids(self, given: Mapping[str, str]) -> dict[str, str]:
        if given.keys() != self.ids:
            raise Problem(400, "malformed-request", f"This needs exactly these ids: {', '.join(sorted(self.ids))}.")
        for name, value in given.items():
            if not _ID.match(value):
                issue = Issue(f"/{name}", "malformed-id", "An id has letters, digits, hyphens and dots only.")
                raise Problem(400, "malformed-request", "An id is malformed.", issues=[issue])
        return dict(given)

    def _body(self, body: bytes) -> BaseModel:
        try:
            return self.model.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise malformed(error) from error

    def _idempotency(self, wish: Wish, caller: Caller) -> Idempotency:
        if not wish.key or len(wish.key) > MAX_KEY_LENGTH or not wish.key.isprintable():
            raise Problem(400, "idempotency-key-missing", "Send an Idempotency-Key of 1 to 200 printable characters.")
        content = "\0".join([self.door.intent, *(f"{name}={value}" for name, value in sorted(wish.ids.items()))])
        fingerprint = hashlib.sha256(content.encode() + b"\0" + wish.body).digest()
        return Idempotency(organisation_id=caller.organisation_id, key=wish.key, fingerprint=fingerprint)

    def _expected_version(self, if_match: str | None) -> int | None:
        if if_match is None:
            if self.door.versioned:
                raise Problem(428, "version-missing", "Say with If-Match on which version you decided.")
            return None
        match = _ETAG.match(if_match)
        if match is None:
            raise Problem(400, "malformed-version", 'If-Match is a version in quotes, such as "3".')
        return int(match[1])


def malformed(error: ValidationError) -> Problem:
    issues = [
        Issue("/" + "/".join(str(part) for part in found["loc"]), found["type"].replace("_", "-"), found["msg"])
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    if all(issue.code == "invalid-check-digits" for issue in issues):
        return Problem(422, "invalid-check-digits", issues[0].detail, issues=issues)
    return Problem(400, "malformed-request", "The body is not what this command needs.", issues=issues)
