"""From a line of a history to an order: a line of the bulk door that also says when, for whom and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec

from api.rest.bodies import ID_PATTERN
from api.rest.requests import Intake, Wish
from api.web.errors import Problem
from api.web.request_context import RequestContext
from application.handler import Order
from application.ports import Caller, Role
from infrastructure.import_history import LineRefusedError
from infrastructure.import_history.decided import check_no_personal_number, past_instant
from infrastructure.import_history.refusals import UNREADABLE, line_too_long

MAX_SUBJECT_LENGTH = 200
MAX_ISSUES_TOLD = 3

# `$` would also let a line feed pass at the end.
_Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN.replace("$", r"\Z"))]


class _Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    command: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    organisation_id: _Id
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SUBJECT_LENGTH)]
    role: Role
    idempotency_key: str | None = None
    ids: dict[str, str] = {}
    if_match: str | None = None
    body: msgspec.Raw = msgspec.Raw()
    id: _Id | None = None


_READ_LINE = msgspec.json.Decoder(_Line).decode


class CommandsInLines:
    """Turns the lines of one import into orders. `intakes` are those of the doors, by intent."""

    def __init__(self, intakes: Mapping[str, Intake], import_stream: str) -> None:
        self._intakes = intakes
        self._import_stream = import_stream

    def __call__(self, number: int, line: bytes | None, not_after: datetime) -> Order:
        said = _said(line)
        intake = self._intakes.get(said.command)
        if intake is None:
            raise LineRefusedError("unknown-command", "There is no command of this name.")
        caller = Caller(subject=said.subject, role=said.role, organisation_id=said.organisation_id)
        # The import's name binds its events together, and says in each that it came in by an import.
        at = past_instant(said.at, not_after)
        by = RequestContext(caller=caller, now=at, correlation_id=self._import_stream)
        key = said.idempotency_key or f"{self._import_stream}:{number}"
        try:
            order = intake.order(Wish(ids=said.ids, body=bytes(said.body), key=key, if_match=said.if_match), by)
        except Problem as problem:
            raise LineRefusedError(problem.code, _sentence(problem)) from problem
        return order if said.id is None else _with_id(order, intake, said.id)


def _said(line: bytes | None) -> _Line:
    if line is None:
        raise line_too_long()
    try:
        said = _READ_LINE(line)
    except UNREADABLE as error:
        sentence = (
            "A line is a JSON object with command, at, organisationId, subject and role, and as in the bulk door "
            "idempotencyKey, ids, ifMatch and body."
        )
        raise LineRefusedError("malformed-line", sentence) from error
    if not said.subject.isprintable():
        raise LineRefusedError("malformed-line", "The subject holds a character that is not printable.")
    return said


def _with_id(order: Order, intake: Intake, given_id: str) -> Order:
    """Give what is created the id that it had in its history, so that later lines can name it."""
    if not intake.door.creates:
        raise LineRefusedError("malformed-line", "This command creates nothing that an id could be given to.")
    check_no_personal_number(given_id)
    named: dict[str, Any] = {intake.door.creates: given_id}
    return replace(order, command=replace(order.command, **named))


def _sentence(problem: Problem) -> str:
    """Tell a problem in one sentence or a few, with the places that it names."""
    issues = [f"{issue.location}: {issue.detail}" for issue in problem.issues[:MAX_ISSUES_TOLD]]
    return " ".join([problem.detail, *issues])
