"""Finding a person by their national number, which travels in a body and never in an address."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import Platform, caller_of
from api.errors import Problem
from api.rest.bodies import national_number
from api.rest.openapi import answer_of, body_of, problems
from api.rest.requests import malformed
from api.rest.routes import MAX_BODY_BYTES, read_body
from application.ports import Role
from domain.kernel import Claim

ROLES = frozenset({Role.AGENCY, Role.SYSTEM})


class PersonLookup(BaseModel):
    """The number of the person who is looked for."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)

    national_number: Annotated[str, AfterValidator(national_number)]


def lookup_routes(platform: Platform) -> APIRouter:
    router = APIRouter(tags=["persons"])

    async def look_up(request: Request) -> Response:
        caller = await caller_of(request, platform)
        if caller.role not in ROLES:
            raise Problem(403, "role-not-allowed", f"The role {caller.role} may not do this.")
        try:
            wanted = PersonLookup.model_validate_json(await read_body(request, "application/json", MAX_BODY_BYTES))
        except ValidationError as error:
            raise malformed(error) from error
        stream = await platform.log.holder(Claim("national-number", wanted.national_number))
        if stream is None:
            raise Problem(404, "person-not-found", "Nobody is registered under this number.")
        return Response(orjson.dumps({"personId": stream.partition("-")[2]}), media_type="application/json")

    found = {"type": "object", "required": ["personId"], "properties": {"personId": {"type": "string"}}}
    router.add_api_route(
        "/persons/lookups",
        look_up,
        methods=["POST"],
        operation_id="look-up-person",
        summary="Find a person by their national number.",
        response_class=Response,
        openapi_extra={
            "security": [{"bearer": []}],
            "requestBody": body_of("application/json", PersonLookup.model_json_schema()),
            "responses": {"200": answer_of("The person.", "application/json", found)} | problems(),
        },
    )
    return router
