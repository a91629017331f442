"""What the platform knows of one request: who calls, when, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from starlette.requests import HTTPConnection

from api.web.errors import Problem
from api.web.header_fields import header_field
from application.ports import Caller
from domain.kernel import Context

ORGANISATION = "organisation_id"
"""The key of the caller's organisation in the state of a request."""

ACTIVITY_HEADER = b"processing-activity"

# A name, or a URI in a register. It begins with a letter, so that nobody's number can stand there by mistake.
_ACTIVITY = re.compile(r"[A-Za-z][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{0,199}")
# W3C trace context, version 00; anything else is left out.
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """Who calls and when (UTC); `correlation_id` and `trace` (a W3C traceparent) tie the request to others.

    `activity` is the processing activity that the caller named for a look at personal data, or empty. A command has an
    activity of its own.
    """

    caller: Caller
    now: datetime
    correlation_id: str
    trace: str = ""
    activity: str = ""

    def must_name_activity(self) -> None:
        """Refuse a caller who asks for personal data without a processing activity."""
        if not self.activity:
            detail = "Say in the header Processing-Activity for which processing activity you look at personal data."
            raise Problem(400, "processing-activity-not-named", detail)

    def recorded_with(self, activity: str) -> Context:
        """Return what the log keeps beside the events of a command of this request."""
        return Context(
            acting_id=self.caller.acting_id,
            organisation_id=self.caller.organisation_id,
            activity=activity,
            command_id=str(uuid4()),
            correlation_id=self.correlation_id,
            trace=self.trace,
            effective_at=self.now,
        )


def request_context(connection: HTTPConnection, caller: Caller, now: datetime, activity: str = "") -> RequestContext:
    trace = header_field(connection.scope, b"traceparent")
    return RequestContext(
        caller=caller,
        now=now,
        correlation_id=correlation_id_of(connection),
        trace=trace if trace and _TRACEPARENT.fullmatch(trace) else "",
        activity=activity,
    )


def personal_request(request: HTTPConnection, caller: Caller, now: datetime) -> RequestContext:
    """Return the context of a request for personal data; refuse one that names no processing activity."""
    by = request_context(request, caller, now, processing_activity(request))
    by.must_name_activity()
    return by


def processing_activity(connection: HTTPConnection) -> str:
    """Return the activity that a request names, or an empty text; refuse one that is not written as its id.

    A caller names an entry of the controller's record of processing activities. Sources: Regulation (EU) 2016/679
    (GDPR), article 30; the Dutch standard Logboek Dataverwerkingen, which names the activity in the same way.
    """
    activity = header_field(connection.scope, ACTIVITY_HEADER).strip()
    if activity and not _ACTIVITY.fullmatch(activity):
        detail = "A processing activity is named by a name or a URI of 1 to 200 characters that begins with a letter."
        raise Problem(400, "invalid-processing-activity", detail)
    return activity


def correlation_id_of(connection: HTTPConnection) -> str:
    """Return the id that the middleware gave the request; outside of the middleware, a new one."""
    state = connection.scope.setdefault("state", {})
    if "correlation_id" not in state:
        state["correlation_id"] = str(uuid4())
    correlation_id: str = state["correlation_id"]
    return correlation_id
