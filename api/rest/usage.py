"""`findUsage`: who used a person's data and why, as the Estonian data tracker asks it of a register.

Parameters and fields follow the contract of the Information System Authority of Estonia (RIA), version 3.0.0-rc.3:
https://github.com/e-gov/AJ/blob/master/doc/spetsifikatsioonid/dumonitor-openapi-v3.yaml. The contract names people by
their personal code in header and address. Here no national number travels there: a session shows who asks, and what the
contract has for the person (`X-Road-UserId`, `userCode`) may be left out, or is the id that the platform gave them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.rest.openapi import Schema, answer_of, header, operation
from api.rights.doors import FIND_USAGE, admission
from api.web.access_record import AccessedSubjects, record
from api.web.errors import Problem
from api.web.json_answers import JSON, json_response
from api.web.platform import Platform
from api.web.read_barrier import read_barrier, wanted_position
from api.web.request_context import RequestContext, personal_request
from api.web.sessions import viewer_of
from api.web.validators import WHOLE, QueryInstant
from domain.access.access import Category
from projections import access_suppressions, accesses, organisations
from projections.row_security import VIEWER, Viewer

SYSTEM = "Kroniek"
MAX_USAGES = 1_000
"""In one answer: the contract's default, and here also the maximum. The contract lets a caller ask for more."""

MAX_SKIPPED = 100_000
TABLES = frozenset({accesses.Row.table.name, access_suppressions.Row.table.name, organisations.Row.table.name})
MAX_SYSTEMS = 20
ESTONIAN_CODE_LENGTH = 8

USER_HEADER = "x-road-userid"
_HEADERS = (
    header("Session-Id", "An open session of the person at a service of the caller."),
    header("Processing-Activity", "Why: an entry in the record of processing activities."),
)


class ProcessingType(StrEnum):
    """The contract's kinds of processing. All processing here is an answer to a request."""

    REQUEST = "DATA_REQUEST"
    RESPONSE = "DATA_RESPONSE"
    PROCESSING = "DATA_PROCESSING"
    INTERNAL = "INTERNAL_PROCESSING"


class UsageQuery(BaseModel):
    """The parameters of the address, in the contract's words. A parameter that is left out limits nothing."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    user_code: str | None = Field(None, description="The id of the person in the session, if it is given.")
    processing_type: list[ProcessingType] = Field(default=list(ProcessingType), max_length=len(ProcessingType))
    include_bulk_processing: bool = Field(False, description="Also what the platform's own programs looked at.")
    log_source_systems: list[str] = Field(default=[], max_length=MAX_SYSTEMS)
    period_start: QueryInstant | None = Field(None, description="The first instant (RFC 3339, with its offset).")
    period_end: QueryInstant | None = Field(None, description="The last instant (RFC 3339, with its offset).")
    limit: Annotated[int, WHOLE] = Field(MAX_USAGES, ge=1, le=MAX_USAGES)
    offset: Annotated[int, WHOLE] = Field(0, ge=0, le=MAX_SKIPPED)

    @property
    def finds_answers(self) -> bool:
        """Whether it asks for answers of this platform, the only processing that is recorded here."""
        own = not self.log_source_systems or SYSTEM in self.log_source_systems
        return own and ProcessingType.RESPONSE in self.processing_type


def usage_routes(platform: Platform) -> APIRouter:
    router = APIRouter(tags=["accesses"])
    admitted = admission(platform, FIND_USAGE)

    async def find_usage(request: Request, asked: Annotated[UsageQuery, Query()]) -> Response:
        by = personal_request(request, await admitted(request), platform.now())
        viewer = await _who_asks(request, platform, by, asked.user_code)
        position = wanted_position(request, await platform.log.log_id())
        await (await read_barrier(platform, position)).wait_for(TABLES)
        total, rows = await _found(platform, by, viewer, asked) if asked.finds_answers else (0, ())
        await record(platform, by, AccessedSubjects({viewer.person_id: {Category.ACCESSES}}))
        usages = [_usage(row) for row in rows]
        return json_response({"totalUsages": total, "returnedUsages": len(usages), "dataResponses": usages})

    router.add_api_route(
        "/findUsage",
        find_usage,
        methods=["GET"],
        operation_id="findUsage",
        summary="Say who used the data of the person in a session, and why; the newest first.",
        response_class=Response,
        openapi_extra=operation(answer_of("Who used their data.", JSON, _USAGES), parameters=_HEADERS),
    )
    return router


async def _who_asks(request: Request, platform: Platform, by: RequestContext, user_code: str | None) -> Viewer:
    """Return the viewer for the person in the named session; refuse a request that names another person as well."""
    viewer = await viewer_of(request, platform, by)
    if not viewer.person_id:
        raise Problem(422, "session-missing", "Name the session in which the person asks.")
    if {request.headers.get(USER_HEADER), user_code} - {None, viewer.person_id}:
        raise Problem(403, "not-the-person", "The session is that of another person.")
    return viewer


async def _found(
    platform: Platform, by: RequestContext, viewer: Viewer, asked: UsageQuery
) -> tuple[int, Sequence[Row[*tuple[object, ...]]]]:
    """Return the number of accesses, and one page of them."""
    c = accesses.Row.table.c
    where = [accesses.visible_to(viewer.person_id, by.now)]
    where += [c.accessed_at >= asked.period_start] if asked.period_start else []
    where += [c.accessed_at <= asked.period_end] if asked.period_end else []
    where += [] if asked.include_bulk_processing else [~c.automated]
    async with platform.open_state(by.caller.organisation_id) as connection:
        total = await connection.execute(accesses.usage_count(*where), execution_options={VIEWER: viewer})
        query = accesses.usages(*where).limit(asked.limit).offset(asked.offset)
        return total.scalar_one(), (await connection.execute(query, execution_options={VIEWER: viewer})).all()


# --- What is shown --------------------------------------------------------------------------------------------------

_USAGES: Schema = {
    "type": "object",
    "required": ["totalUsages", "returnedUsages"],
    "properties": {
        "totalUsages": {"type": "integer"},
        "returnedUsages": {"type": "integer"},
        "dataResponses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["logTime", "purpose", "initiatorOrg", "target"],
                "properties": {
                    "logTime": {"type": "string", "format": "date-time"},
                    "purpose": {"type": "string", "description": "The processing activity."},
                    "logSourceSystem": {"type": "string"},
                    "bulkProcessing": {"type": "boolean"},
                    "queryId": {"type": "string"},
                    "initiatorOrg": {"type": "object"},
                    "target": {"type": "object"},
                    "categories": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}


def _usage(row: Row[*tuple[object, ...]]) -> Mapping[str, object]:
    return {
        "logTime": row.accessed_at,
        "purpose": row.activity,
        "logSourceSystem": SYSTEM,
        "bulkProcessing": row.automated,
        "queryId": row.access_id,
        "initiatorOrg": _organisation(row),
        "target": {"type": "GOV", "name": SYSTEM},
        # Beyond the contract, which allows more fields.
        "categories": sorted(row.categories),
    }


def _organisation(row: Row[*tuple[object, ...]]) -> dict[str, str]:
    """Show who had access; with a number only if it is as long as the contract's numbers, which are Estonian."""
    names = (row.name_nl, row.name_fr, row.name_de, row.name_en)
    shown = {
        "type": "COM" if row.outside_government else "GOV",
        "name": next((name for name in names if name), row.organisation_id),
    }
    number = row.enterprise_number or ""
    return {**shown, "code": number} if len(number) == ESTONIAN_CODE_LENGTH else shown
