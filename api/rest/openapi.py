"""The OpenAPI document: the operations of commands, and what all operations have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from api.rest.command_reader import CommandReader
from api.web.json_answers import JSON
from domain.kernel.kinds import ID_PATTERN

Schema: TypeAlias = Mapping[str, object]
"""A part of the document: a schema, a parameter, an answer."""

NDJSON = "application/x-ndjson"
PROBLEM_STATUSES = {
    "400": "The request is malformed.",
    "401": "There is no valid bearer token.",
    "403": "The role or the organisation may not do this.",
    "404": "What the command names does not exist.",
    "409": "The state of things forbids it now, or it exists already.",
    "412": "The version in If-Match is no longer the current one.",
    "413": "The body is too large.",
    "415": "The media type is not the one that is read here.",
    "422": "A value can never be right, or the key was used for other content.",
    "428": "If-Match is missing.",
    "429": "Your organisation asks too often; ask again after Retry-After.",
    "431": "The header fields are too many or too large.",
    "503": "Something that is needed cannot be reached; send the same request again after Retry-After.",
}

_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A stable name: urn:problem-type:kroniek:<code>."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "instance": {"type": "string", "description": "The correlation id of the request."},
        "issues": {"type": "array", "items": {"type": "object"}},
    },
}
_RECEIPT_PROPERTIES: Schema = {
    "id": {"type": "string"},
    "version": {"type": "integer", "description": "The version of the stream after the command."},
    "position": {"type": "integer", "description": "Repeat it as X-Position on a query to read your own write."},
    "events": {"type": "array", "items": {"type": "string"}, "description": "Stored names; none if nothing new."},
}
_RECEIPT: Schema = {"type": "object", "required": [*_RECEIPT_PROPERTIES], "properties": _RECEIPT_PROPERTIES}
_NOT_OURS = frozenset({"HTTPValidationError", "ValidationError"})


def command_operation(reader: CommandReader) -> Schema:
    route = reader.route
    versions = 'The versions that are as good, such as "3"; * for any.'
    parameters = (
        *(_path_parameter(name) for name in sorted(reader.ids)),
        header("Idempotency-Key", "1 to 200 visible characters of ASCII."),
        header("If-Match", versions, required=route.versioned),
    )
    about = f"{route.summary}\n\nRoles: {', '.join(sorted(route.right))}."
    return {
        "tags": [route.path.split("/")[1]],
        "summary": route.summary,
        "operationId": reader.intent,
        "description": about,
        **operation(
            answer_of("What the command did.", JSON, _RECEIPT),
            status=route.success,
            parameters=parameters,
            body=(JSON, inline(reader.model)),
        ),
    }


def bulk_operation(readers: Mapping[str, CommandReader]) -> Schema:
    line = {
        "type": "object",
        "required": ["command", "idempotencyKey"],
        "properties": {
            "command": {"type": "string", "enum": sorted(readers)},
            "ids": {"type": "object", "additionalProperties": {"type": "string"}},
            "idempotencyKey": {"type": "string", "pattern": "^[!-~]{1,200}$"},
            "ifMatch": {"type": "string"},
            "body": {"type": "object"},
        },
    }
    answer = {
        "type": "object",
        "required": ["line", "status"],
        "properties": {
            "line": {"type": "integer"},
            "status": {"type": "string", "enum": ["accepted", "refused"]},
            "problem": _PROBLEM,
            **_RECEIPT_PROPERTIES,
        },
    }
    return {
        "tags": ["commands"],
        "summary": "Send many commands at once, one on each line; get an answer for each line, in order.",
        "operationId": "send-commands",
        **operation(answer_of("An answer on each line.", NDJSON, answer), body=(NDJSON, line)),
    }


def complete(document: dict[str, Any], commands: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the document that FastAPI made, with the operations of commands, and with problems as the only refusals.

    FastAPI describes a form of its own for malformed values; here they are problems as well.
    """
    for path in document["paths"].values():
        for described in path.values():
            described["responses"].get("422", {}).get("content", {}).pop(JSON, None)
    components = document.setdefault("components", {})
    schemas = {name: schema for name, schema in components.pop("schemas", {}).items() if name not in _NOT_OURS}
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}
    components |= ({"schemas": schemas} if schemas else {}) | {"securitySchemes": {"bearer": scheme}}
    return document | {"paths": {**commands, **document["paths"]}}


# --- Parts of an operation ------------------------------------------------------------------------------------------


def operation(
    answer: Schema, *, status: int = 200, parameters: Sequence[Schema] = (), body: tuple[str, Schema] | None = None
) -> dict[str, object]:
    """Describe a door that needs a token: its parameters, the media type and schema of its body, and its answers."""
    described: dict[str, object] = {"security": [{"bearer": []}]}
    if parameters:
        described["parameters"] = list(parameters)
    if body is not None:
        described["requestBody"] = {"required": True, "content": {body[0]: {"schema": body[1]}}}
    problems = {
        code: answer_of(about, "application/problem+json", _PROBLEM) for code, about in PROBLEM_STATUSES.items()
    }
    return {**described, "responses": {str(status): answer, **problems}}


def problem_schema() -> Schema:
    return _PROBLEM


def answer_of(about: str, media_type: str, schema: Schema) -> dict[str, object]:
    return {"description": about, "content": {media_type: {"schema": schema}}}


def header(name: str, about: str, *, required: bool = True) -> Schema:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}, "description": about}


def _path_parameter(name: str) -> Schema:
    schema = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def inline(model: type[BaseModel]) -> Schema:
    """Return the schema of a body with its nested schemas in place, without references."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: object) -> object:
        match node:
            case {"$ref": str(reference)}:
                return resolve(definitions[reference.rpartition("/")[2]])
            case dict():
                return {key: resolve(value) for key, value in node.items()}
            case list():
                return [resolve(item) for item in node]
            case _:
                return node

    return {key: resolve(value) for key, value in schema.items()}
