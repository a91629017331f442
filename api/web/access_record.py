"""The record of looks at personal data: written before an answer leaves, or else the answer does not leave.

A caller says for which processing activity they look, in the header `Processing-Activity`: the id of an entry in the
controller's record of processing activities. Sources: Regulation (EU) 2016/679 (GDPR), articles 15(1) and 30; the Dutch
standard Logboek Dataverwerkingen, which names the activity and the data subject in the same way.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import structlog
from starlette.requests import HTTPConnection

from api.web.errors import Problem
from api.web.platform import Platform
from application.handler import Order, handle
from application.ids import RANDOM_BYTES, time_ordered_id
from application.memory import Recent
from application.ports import Caller, Role
from domain.access import Category, Look, Outcome, RecordAccess
from domain.identity import SESSION, is_open
from domain.kernel import Context

LOG = structlog.get_logger()

ACTIVITY_HEADER = "processing-activity"
RETRY_AFTER_S = 1

# A name, or a URI in a register. It begins with a letter, so that nobody's number can stand there by mistake.
_ACTIVITY = re.compile(r"[A-Za-z][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{0,199}")
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
# W3C trace context, version 00; anything else is left out.
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Who looks, when and why, and how the request hangs together with others; `activity` is empty without a reason."""

    caller: Caller
    now: datetime
    activity: str
    correlation_id: str
    trace: str = ""

    def must_say_why(self) -> None:
        """Refuse whoever looks at personal data without a reason."""
        if not self.activity:
            detail = "Say in the header Processing-Activity for which processing activity you look at personal data."
            raise Problem(400, "processing-activity-not-named", detail)


def looker(connection: HTTPConnection, caller: Caller, now: datetime, correlation_id: str) -> Looker:
    """Read why a request looks; refuse a reason that is not written as the id of an activity."""
    activity = connection.headers.get(ACTIVITY_HEADER, "").strip()
    if activity and not _ACTIVITY.fullmatch(activity):
        detail = "A processing activity is named by a name or a URI of 1 to 200 characters that begins with a letter."
        raise Problem(400, "invalid-processing-activity", detail)
    trace = connection.headers.get("traceparent", "")
    return Looker(
        caller=caller,
        now=now,
        activity=activity,
        correlation_id=correlation_id,
        trace=trace if _TRACEPARENT.fullmatch(trace) else "",
    )


@dataclass(slots=True)
class Looks:
    """What an answer holds of which persons, gathered while it is made."""

    of: dict[str, set[Category]] = field(default_factory=dict)

    def note(self, subject_id: str, category: Category) -> None:
        self.of.setdefault(subject_id, set()).add(category)

    def in_order(self) -> tuple[Look, ...]:
        return tuple(
            Look(subject_id=subject_id, categories=tuple(it for it in Category if it in self.of[subject_id]))
            for subject_id in sorted(self.of)
        )


async def record(platform: Platform, by: Looker, looks: Looks, outcome: Outcome = Outcome.ANSWERED) -> None:
    """Put on record what an answer holds; raise a problem if that cannot be done, so that the answer does not leave."""
    if not looks.of:
        return
    by.must_say_why()
    try:
        # Nothing is there to be read: the stream is of this request alone, and is not remembered either.
        await handle(_order(by, looks, outcome), platform.log, platform.rules, Recent())
    except Exception as error:
        # Whatever kept it from being written, the one answer to it is to give nothing away.
        LOG.warning("access_not_recorded", error=type(error).__name__)
        detail = "That you look at personal data could not be put on record just now, so nothing is shown. Ask again."
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(503, "access-not-recorded", detail, headers=headers) from error


def _order(by: Looker, looks: Looks, outcome: Outcome) -> Order:
    caller = by.caller
    return Order(
        command=RecordAccess(
            at=by.now,
            by=caller.organisation_id,
            access_id=time_ordered_id(by.now, secrets.token_bytes(RANDOM_BYTES)),
            supplier_id=caller.supplier_id,
            automated=caller.role is Role.SYSTEM,
            outcome=outcome,
            looks=looks.in_order(),
        ),
        context=Context(
            acting_id=caller.acting_id,
            organisation_id=caller.organisation_id,
            activity=by.activity,
            command_id=str(uuid4()),
            correlation_id=by.correlation_id,
            trace=by.trace,
            effective_at=by.now,
        ),
        creates=True,
    )


async def person_in_session(platform: Platform, by: Looker, session_id: str) -> str:
    """Return the person who has an open session at a service of the caller's organisation; refuse any other session."""
    session = SESSION.initial
    if _SESSION_ID.fullmatch(session_id):
        stream = SESSION.stream(session_id)
        session = SESSION.fold((await platform.log.read([stream]))[stream].events)
    if not is_open(session, at=by.now) or by.caller.organisation_id not in session.organisation_ids:
        detail = "This needs an open authentication session at this organisation."
        raise Problem(403, "no-session-at-caller", detail)
    return session.person_id
