"""What a command's request says beside its body: version, idempotency key, and what the log should know of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from api.rest.bodies import ID_PATTERN, body_model, build, path_fields
from api.rest.doors import Door
from api.rights.roles import must_have_role
from api.web.errors import Issue, Problem
from api.web.request_context import RequestContext
from application.handler import Order
from application.ids import time_ordered_id
from application.ports import Caller, Idempotency
from application.registry import BY_COMMAND

MAX_KEY_LENGTH = 200
MAX_ISSUES = 20
_ID = re.compile(ID_PATTERN)
_ETAG = re.compile(r'"([0-9]{1,9})"')
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")

KeyedHash = Callable[[bytes], bytes]
"""A keyed hash: the same for the same content, and nobody can guess the content from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish as it came in, over the single door or as a line of the bulk door."""

    ids: Mapping[str, str]
    body: bytes
    key: str | None
    if_match: str | None


class Intake:
    """Turns the wishes that come in at one door into orders for the handler."""

    def __init__(self, door: Door, keyed_hash: KeyedHash) -> None:
        self.door = door
        self.model: type[BaseModel] = body_model(door)
        self.ids: Mapping[str, str] = {to_camel(name): name for name in path_fields(door.path)}
        self._keyed_hash = keyed_hash
        self._roles = door.roles
        self.begins_stream = bool(door.creates) and _aggregate_id(door).endswith(door.creates)

    def order(self, wish: Wish, by: RequestContext) -> Order:
        """Check everything that can be known without a state; raise a problem if something is wrong."""
        caller = by.caller
        must_have_role(caller, self._roles)
        ids = self._ids(wish.ids)
        expected_version = self._expected_version(wish.if_match)
        key = self._key(wish.key)
        body = self._body(wish.body)
        idempotency = self._idempotency(key, caller, ids, body)
        fields: dict[str, Any] = {**ids, "at": by.now, "by": caller.organisation_id}
        if self.door.creates:
            fields[self.door.creates] = self._given_id(idempotency, by.now)
        return Order(
            command=build(self.door.command, body, fields),
            context=by.recorded_with(self.door.activity),
            idempotency=idempotency,
            expected_version=expected_version,
            creates=self.begins_stream,
        )

    def _ids(self, given: Mapping[str, str]) -> Mapping[str, str]:
        if given.keys() != self.ids.keys():
            raise Problem(400, "malformed-request", f"This needs exactly these ids: {', '.join(sorted(self.ids))}.")
        for name, value in given.items():
            if not _ID.fullmatch(value):
                issue = Issue(f"/{name}", "malformed-id", "An id has letters, digits, hyphens and underscores only.")
                raise Problem(400, "malformed-request", "An id is malformed.", issues=[issue])
        ids = {self.ids[name]: value for name, value in given.items()}
        self.door.check_ids(ids)
        return ids

    def _body(self, body: bytes) -> BaseModel:
        try:
            return self.model.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise malformed(error) from error

    def _key(self, key: str | None) -> str:
        if not key:
            raise Problem(400, "idempotency-key-missing", "Send an Idempotency-Key: it makes it safe to send again.")
        if len(key) > MAX_KEY_LENGTH or not key.isprintable():
            detail = f"An Idempotency-Key has at most {MAX_KEY_LENGTH} printable characters."
            raise Problem(400, "malformed-idempotency-key", detail)
        return key

    def _idempotency(self, key: str, caller: Caller, ids: Mapping[str, str], body: BaseModel) -> Idempotency:
        # What was understood counts, not how it was spelt: spaces and the order of fields make no other content.
        said = body.model_dump_json(exclude_defaults=True)
        content = "\0".join([self.door.intent, *(f"{name}={ids[name]}" for name in sorted(ids)), said])
        # A body may hold a national number, and those can all be tried out: no hash of it is kept without a key.
        fingerprint = self._keyed_hash(content.encode())
        return Idempotency(organisation_id=caller.organisation_id, key=key, fingerprint=fingerprint)

    def _given_id(self, idempotency: Idempotency, now: datetime) -> str:
        """Return the id of what is created, the same for the same key.

        The id of a new stream begins with the time. Sent again, the wish is answered with the receipt of the first
        time, and that names the stream. What lies within a stream of something else has no such witness.
        """
        content = f"{self.door.intent}\0{idempotency.organisation_id}\0{idempotency.key}"
        digest = self._keyed_hash(content.encode())
        return time_ordered_id(now, digest) if self.begins_stream else str(UUID(bytes=digest[:16], version=4))

    def _expected_version(self, if_match: str | None) -> int | None:
        if if_match is None:
            if self.door.versioned:
                raise Problem(428, "version-missing", "Say with If-Match on which version you decided.")
            return None
        match = _ETAG.fullmatch(if_match)
        if match is None:
            raise Problem(400, "malformed-version", 'If-Match is a version in quotes, such as "3".')
        return int(match[1])


class _FieldNames:
    """Stands for a command whose fields hold their own names."""

    def __getattr__(self, name: str) -> str:
        return name


def _aggregate_id(door: Door) -> str:
    """Return how the id of the aggregate that a command is about is made of the command's fields."""
    return BY_COMMAND[door.command].commands[door.command](_FieldNames())


def malformed(error: ValidationError) -> Problem:
    """Say what is wrong with a body and where, without repeating anything of what it says."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_ISSUES]
    issues = [Issue(_pointer(each["loc"]), each["type"].replace("_", "-"), each["msg"]) for each in found]
    if all(issue.code == "invalid-check-digits" for issue in issues):
        return Problem(422, "invalid-check-digits", issues[0].detail, issues=issues)
    return Problem(400, "malformed-request", "The body is not what this command needs.", issues=issues)


def _pointer(place: tuple[int | str, ...]) -> str:
    # An unknown field is named by the caller: only what looks like a name is repeated, never a value in its place.
    return "".join(f"/{part}" if isinstance(part, int) or _FIELD_NAME.fullmatch(part) else "/?" for part in place)
