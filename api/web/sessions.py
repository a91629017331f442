"""The viewer of a request: the caller, and the person who has an open session at one of the caller's services.

Data of a person is shown to an organisation while that person has a session there, or a mandatary of theirs. The header
`Session-Id` names the session, `Mandate-Id` the mandate of a person who acts for another.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeVar

from starlette.requests import HTTPConnection

from api.web.errors import Problem
from api.web.header_fields import header_field
from api.web.platform import Platform
from api.web.request_context import RequestContext
from application.ports import Role
from domain import consent
from domain.identity.mandate.model import Mandate, in_force
from domain.identity.mandate.rules import MANDATE
from domain.identity.session import SESSION, Session, is_open
from domain.kernel import DeciderOf
from projections.row_security import Viewer

SESSION_HEADER, MANDATE_HEADER = b"session-id", b"mandate-id"

CACHED_VIEWERS = 1_024

_IDS = re.compile(r"[A-Za-z0-9_-]{1,80}(\.[A-Za-z0-9_-]{1,80})?")

S = TypeVar("S")


async def viewer_of(connection: HTTPConnection, platform: Platform, by: RequestContext) -> Viewer:
    """Return the viewer of a request; refuse a session or mandate in its headers that is not valid for the caller."""
    caller, scope = by.caller, connection.scope
    if caller.role is Role.AGENCY and (session_id := header_field(scope, SESSION_HEADER)):
        return await viewer_in_session(platform, by, session_id, header_field(scope, MANDATE_HEADER))
    return _outside_sessions(caller.role, caller.organisation_id)


@lru_cache(CACHED_VIEWERS)
def _outside_sessions(role: Role, organisation_id: str) -> Viewer:
    return Viewer(role=role, organisation_id=organisation_id)


async def viewer_in_session(platform: Platform, by: RequestContext, session_id: str, mandate_id: str = "") -> Viewer:
    """Return the viewer of the data of the person in a session, or of the person represented under a mandate.

    Refuse a session that is not open at a service of the caller as `no-session-at-caller`, and a mandate that is not in
    force for the person there as `not-the-person`.
    """
    own = by.caller.organisation_id
    session = await _state(platform, SESSION, session_id)
    if not is_open(session, at=by.now) or own not in session.organisation_ids:
        detail = "This needs an open authentication session at this organisation."
        raise Problem(403, "no-session-at-caller", detail)
    person_id = session.person_id if not mandate_id else await _mandator(platform, by, session, mandate_id)
    chosen = consent.is_active(await _state(platform, consent.CONSENT, consent.consent_id(person_id, own)))
    return Viewer(role=by.caller.role, organisation_id=own, person_id=person_id, chosen_by=person_id if chosen else "")


async def _mandator(platform: Platform, by: RequestContext, session: Session, mandate_id: str) -> str:
    """Return the mandator of the person in a session, if the mandate holds at a service that the session reached."""
    mandate = await _state(platform, MANDATE, mandate_id)
    # A mandate without a parent names an empty id, of which nothing is recorded.
    parent = await _state(platform, MANDATE, mandate.parent_mandate_id)
    own = by.caller.organisation_id
    holds = in_force(mandate, mandatary_id=session.person_id, at=by.now, organisation_id=own, parent=parent)
    if not holds or not _reached(session, mandate, own):
        detail = "Only the person can see this, or someone with a mandate in force at this service."
        raise Problem(403, "not-the-person", detail)
    return mandate.mandator_id


def _reached(session: Session, mandate: Mandate, organisation_id: str) -> bool:
    services = mandate.terms.services if mandate.terms is not None else ()
    reached = {it.service_id for it in services if it.organisation_id == organisation_id} & session.service_ids
    return not services or bool(reached)


async def _state(platform: Platform, decider: DeciderOf[S], aggregate_id: str) -> S:
    """Read the state of an aggregate; a text that cannot be an id names none."""
    if not _IDS.fullmatch(aggregate_id):
        return decider.initial
    stream = decider.stream(aggregate_id)
    return decider.fold((await platform.log.read([stream]))[stream].events)
