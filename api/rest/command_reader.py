"""From a request or a line to a command in its envelope: ids, body, version, idempotency key, context."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from api.rest.bodies import body_model, build, path_fields
from api.rest.command_route import CommandRoute
from api.rights.roles import must_have_role
from api.web.entity_tags import read_tags
from api.web.errors import Issue, Problem
from api.web.request_context import RequestContext
from api.web.validators import issues_of
from application.handler import CommandEnvelope
from application.ids import time_ordered_id
from application.ports import Caller, Idempotency
from application.registry import BY_COMMAND
from domain.kernel import ValueRefusal
from domain.kernel.kinds import ID, MAX_COUNT

_VERSION = re.compile(r'"(0|[1-9][0-9]{0,9})"')
_KEY = re.compile("[!-~]{1,200}")

KeyedHash = Callable[[bytes], bytes]
"""A keyed hash: equal contents have equal hashes, and the hash does not let anybody guess the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCommand:
    """One command as it was received, in a request of its own or in a line: `ids` by their names in lowerCamelCase.

    `created_id` is the id of the thing that the command creates; only an imported history gives it.
    """

    ids: Mapping[str, str]
    body: bytes
    key: str | None
    if_match: str | None
    created_id: str | None = None


class BulkLine(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """One command of many: the intent, the ids of its path, and the headers and the body of a single request."""

    command: str
    idempotency_key: str | None = None
    ids: dict[str, str] = {}
    if_match: str | None = None
    body: msgspec.Raw = msgspec.Raw()

    def raw(self) -> RawCommand:
        return RawCommand(ids=self.ids, body=bytes(self.body), key=self.idempotency_key, if_match=self.if_match)


class CommandReader:
    """Reads the commands of one route."""

    def __init__(self, route: CommandRoute, keyed_hash: KeyedHash) -> None:
        self.route = route
        self.intent = route.intent
        self.model: type[BaseModel] = body_model(route)
        self.ids: Mapping[str, str] = {to_camel(name): name for name in path_fields(route.path)}
        self._keyed_hash = keyed_hash
        self.begins_stream = route.creates == BY_COMMAND[route.command].key[-1]

    def read(self, raw: RawCommand, context: RequestContext) -> CommandEnvelope:
        """Check all that can be checked without a state; raise a Problem if anything is wrong."""
        caller = context.caller
        must_have_role(caller, self.route.right.keys())
        ids = self._ids(raw.ids)
        expected_versions = self._expected_versions(raw.if_match)
        key = self._key(raw.key)
        body = self._body(raw.body)
        idempotency = self._idempotency(key, caller, ids, body)
        fields: dict[str, object] = {**ids, "at": context.now, "by": caller.organisation_id}
        if self.route.creates:
            fields[self.route.creates] = raw.created_id or self._new_id(idempotency, context.now)
        return CommandEnvelope(
            command=build(self.route.command, body, fields),
            context=context.recorded_with(self.route.command.ACTIVITY),
            idempotency=idempotency,
            expected_versions=expected_versions,
            creates=self.begins_stream,
        )

    def _ids(self, given: Mapping[str, str]) -> Mapping[str, str]:
        if given.keys() != self.ids.keys():
            raise Problem(400, "malformed-request", f"This needs exactly these ids: {', '.join(sorted(self.ids))}.")
        for name, value in given.items():
            try:
                ID.check(value)
            except ValueRefusal as refusal:
                issue = Issue(f"/{name}", refusal.code, refusal.sentence)
                raise Problem(400, "malformed-request", "An id is malformed.", issues=[issue]) from refusal
        ids = {self.ids[name]: value for name, value in given.items()}
        self.route.check_ids(ids)
        return ids

    def _body(self, body: bytes) -> BaseModel:
        try:
            return self.model.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise malformed(error) from error

    def _key(self, key: str | None) -> str:
        if not key:
            raise Problem(400, "idempotency-key-missing", "Send an Idempotency-Key: it makes it safe to send again.")
        if _KEY.fullmatch(key) is None:
            detail = "An Idempotency-Key has 1 to 200 visible characters of ASCII, and no spaces."
            raise Problem(400, "malformed-idempotency-key", detail)
        return key

    def _idempotency(self, key: str, caller: Caller, ids: Mapping[str, str], body: BaseModel) -> Idempotency:
        # The understood content counts, not its spelling: spaces and the order of fields make no other content.
        said = body.model_dump_json(exclude_defaults=True)
        content = "\0".join([self.intent, *(f"{name}={ids[name]}" for name in sorted(ids)), said])
        # A body may hold a national number, and all of those can be tried: a hash without a key would give it away.
        fingerprint = self._keyed_hash(content.encode())
        return Idempotency(organisation_id=caller.organisation_id, key=key, fingerprint=fingerprint)

    def _new_id(self, idempotency: Idempotency, now: datetime) -> str:
        """Return the id of the created thing; one key always gives one id.

        The id of a new stream begins with the time. A command that is sent again is answered with its first receipt,
        which names the stream. A thing within the stream of another one has no receipt that names it.
        """
        content = f"{self.intent}\0{idempotency.organisation_id}\0{idempotency.key}"
        digest = self._keyed_hash(content.encode())
        return time_ordered_id(now, digest) if self.begins_stream else str(UUID(bytes=digest[:16], version=4))

    def _expected_versions(self, if_match: str | None) -> Container[int] | None:
        """Return the versions that the caller accepts; None stands for any version and for none.

        A weak tag never matches, nor does one that is not the tag of a version (RFC 9110, section 13.1.1).
        """
        if if_match is None:
            if self.route.versioned:
                raise Problem(428, "version-missing", "Say with If-Match on which version you decided.")
            return None
        tags = read_tags(if_match)
        if tags is None:
            raise Problem(400, "malformed-version", 'If-Match is a version in quotes, such as "3", or an asterisk.')
        if tags.anything:
            return range(1, MAX_COUNT)
        return frozenset(int(match[1]) for tag in tags.strong if (match := _VERSION.fullmatch(tag)))


def command_readers(routes: Sequence[CommandRoute], keyed_hash: KeyedHash) -> Mapping[str, CommandReader]:
    """Return the reader of each route, by its intent."""
    return {route.intent: CommandReader(route, keyed_hash) for route in routes}


def malformed(error: ValidationError) -> Problem:
    """Return the problem of a malformed body: what is wrong and where, without any value of the body."""
    issues = issues_of(error.errors(include_url=False, include_input=False, include_context=False))
    return Problem(400, "malformed-request", "The body is not what this command needs.", issues=issues)
