"""Finding a person by their number, for a purpose. The number is in the body, never in an address or a line of a log.

A caller with many numbers could find out which of them are people's. So each organisation has a limit of look-ups, and
a lower one of look-ups that find nobody. A person who was erased is answered as one who was never registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from api.rest.command_endpoints import MAX_BODY_BYTES, read_body
from api.rest.command_reader import malformed
from api.rest.openapi import answer_of, header, inline, operation
from api.rights.doors import PERSON_LOOKUP, admission
from api.web.access_record import AccessedSubjects, record
from api.web.errors import Problem
from api.web.json_answers import JSON, json_response
from api.web.platform import Platform
from api.web.rate_limits import Buckets, charge
from api.web.request_context import personal_request
from application.lookups import Identifier, LookupPurpose, PersonIndex, eidas, may_ask, national
from application.ports import Caller, Role
from domain.access.access import Category
from domain.kernel import Jurisdiction, NationalNumber
from domain.kernel.json_text import check_json
from domain.organisations.organisation.rules import ORGANISATION

MAX_IDENTIFIER_LENGTH = 256

_Identifier = Annotated[str, Field(max_length=MAX_IDENTIFIER_LENGTH)]

_PROCESSING_ACTIVITY = header(
    "Processing-Activity",
    "The id of the processing activity that the look-up is for; it goes into the record of looks.",
)
_FOUND = {"type": "object", "required": ["personId"], "properties": {"personId": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class LookupLimits:
    """How many look-ups an organisation has in a minute, and how many of them may find nobody."""

    asked: Buckets
    missed: Buckets


class PersonLookup(BaseModel):
    """The purpose of a look-up, and the number of the person: in a national register, or by eIDAS."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    purpose: LookupPurpose
    jurisdiction: Jurisdiction
    national_number: _Identifier | None = None
    eidas_identifier: _Identifier | None = None

    @model_validator(mode="after")
    def _names_one_number(self) -> Self:
        if (self.national_number is None) == (self.eidas_identifier is None):
            raise PydanticCustomError("one-number", "Name either a national number or an eIDAS identifier.")
        return self

    def identifier(self, now: datetime) -> Identifier:
        """Return the identifier of the person; raises InvalidValue for a number that nobody can have."""
        if self.national_number is not None:
            return national(self.jurisdiction, NationalNumber(self.national_number), now)
        return eidas(self.jurisdiction, self.eidas_identifier or "")


def lookup_routes(platform: Platform, people: PersonIndex, limits: LookupLimits) -> APIRouter:
    router = APIRouter(tags=["persons"])
    admitted = admission(platform, PERSON_LOOKUP)

    async def look_up(request: Request) -> Response:
        caller = await admitted(request)
        allowance = await charge(request, limits.asked, caller.organisation_id)
        if not allowance.granted:
            detail = "Your organisation looks up too many persons. Ask again later."
            raise Problem(429, "rate-limited", detail, retry_after_s=allowance.enough_in_s)
        by = personal_request(request, caller, platform.now())
        wanted = await _wanted(request)
        identifier = wanted.identifier(by.now)
        await _must_have_purpose(platform, caller, wanted.purpose)
        person_id = await _found(people, wanted.purpose, identifier, caller, limits.missed)
        await record(platform, by, AccessedSubjects({person_id: {Category.IDENTIFICATION}}))
        return json_response({"personId": person_id})

    router.add_api_route(
        "/persons/lookups",
        look_up,
        methods=["POST"],
        operation_id="look-up-person",
        summary="Find a person by their national number or eIDAS identifier.",
        response_class=Response,
        openapi_extra=operation(
            answer_of("The person.", JSON, _FOUND),
            parameters=[_PROCESSING_ACTIVITY],
            body=(JSON, inline(PersonLookup)),
        ),
    )
    return router


async def _wanted(request: Request) -> PersonLookup:
    body = await read_body(request, JSON, MAX_BODY_BYTES)
    check_json(body)
    try:
        return PersonLookup.model_validate_json(body)
    except ValidationError as error:
        raise malformed(error) from error


async def _must_have_purpose(platform: Platform, caller: Caller, purpose: LookupPurpose) -> None:
    """Refuse an organisation whose present enrolments do not give it this purpose; the platform has all purposes."""
    if caller.role is Role.SYSTEM:
        return
    stream = ORGANISATION.stream(caller.organisation_id)
    organisation = ORGANISATION.fold((await platform.log.read([stream]))[stream].events)
    if not may_ask(organisation, purpose):
        detail = "Your organisation is not enrolled as one that looks persons up for this purpose."
        raise Problem(403, "lookup-not-allowed", detail)


async def _found(
    people: PersonIndex, purpose: LookupPurpose, identifier: Identifier, caller: Caller, missed: Buckets
) -> str:
    await _must_have_misses_left(caller, missed)
    missing = False
    try:
        person_id = await people.find(purpose, identifier)
        missing = person_id is None
    finally:
        # A look-up that found a person, or failed, is no guess.
        if not missing:
            missed.give_back(caller.organisation_id)
    if person_id is None:
        raise Problem(404, "person-not-found", "Nobody is registered under this number.")
    return person_id


async def _must_have_misses_left(caller: Caller, missed: Buckets) -> None:
    """Take a miss ahead of each look-up: otherwise many look-ups at once could miss too often."""
    taken = await missed.grant(caller.organisation_id)
    if not taken.granted:
        detail = "Your organisation looks up too many numbers under which nobody is registered. Ask again later."
        raise Problem(429, "too-many-misses", detail, retry_after_s=taken.enough_in_s)
