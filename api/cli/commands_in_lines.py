"""From a line of a history to a command: a line of the bulk endpoint that also says when, for whom and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec

from api.rest.command_reader import BulkLine, CommandReader
from api.web.errors import Problem
from api.web.request_context import RequestContext
from application.handler import CommandEnvelope
from application.ports import Caller, Role
from domain.kernel import MalformedValue, NotFound, Refusal
from domain.kernel.json_text import check_json
from domain.kernel.kinds import ID_PATTERN, SUBJECT_PATTERN
from infrastructure.import_history.decided import check_no_personal_number, past_instant
from infrastructure.import_history.line_refusals import UNREADABLE, line_too_long

MAX_ISSUES_NAMED = 3

# `$` would also match before a line feed at the end.
_Id = Annotated[str, msgspec.Meta(pattern=rf"^{ID_PATTERN}\Z")]


class _Line(BulkLine, kw_only=True):
    at: str
    organisation_id: _Id
    subject: Annotated[str, msgspec.Meta(pattern=rf"^{SUBJECT_PATTERN}\Z")]
    role: Role
    id: _Id | None = None


_READ_LINE = msgspec.json.Decoder(_Line).decode


def command_in(
    readers: Mapping[str, CommandReader], import_stream: str, number: int, text: bytes | None, not_after: datetime
) -> CommandEnvelope:
    """Turn a line of an import into a command. `readers` are those of the routes, by intent."""
    line = _read(text)
    reader = readers.get(line.command)
    if reader is None:
        raise NotFound("unknown-command", "There is no command of this name.")
    caller = Caller(subject=line.subject, role=line.role, organisation_id=line.organisation_id)
    # The name of the import ties its events together, and marks each as imported.
    context = RequestContext(caller=caller, now=past_instant(line.at, not_after), correlation_id=import_stream)
    raw = replace(line.raw(), created_id=_created_id(line, reader))
    if raw.key is None:
        raw = replace(raw, key=f"{import_stream}:{number}")
    try:
        return replace(reader.read(raw, context), in_order=True)
    except Problem as problem:
        raise Refusal(problem.code, _sentence(problem)) from problem


def _read(text: bytes | None) -> _Line:
    if text is None:
        raise line_too_long()
    check_json(text)
    try:
        return _READ_LINE(text)
    except UNREADABLE as error:
        sentence = (
            "A line is a JSON object with command, at, organisationId, subject and role, and as in the bulk door "
            "idempotencyKey, ids, ifMatch and body."
        )
        raise MalformedValue("malformed-line", sentence) from error


def _created_id(line: _Line, reader: CommandReader) -> str | None:
    """Return the id that the created thing had in its history, so that later lines can name it."""
    if line.id is not None:
        if not reader.route.creates:
            raise MalformedValue("malformed-line", "This command creates nothing that an id could be given to.")
        check_no_personal_number(line.id)
    return line.id


def _sentence(problem: Problem) -> str:
    """Write a problem in one sentence or a few, with the places that it names."""
    issues = [f"{issue.location}: {issue.detail}" for issue in problem.issues[:MAX_ISSUES_NAMED]]
    return " ".join([problem.detail, *issues])
