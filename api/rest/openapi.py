"""The OpenAPI document: the operations of commands, and what all operations have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from api.rest.command_reader import CommandReader
from domain.kernel.kinds import ID_PATTERN

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

_PROBLEM: Mapping[str, Any] = {
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
_RECEIPT: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "version", "position", "events"],
    "properties": {
        "id": {"type": "string"},
        "version": {"type": "integer", "description": "The version of the stream after the command."},
        "position": {"type": "integer", "description": "Repeat it as X-Position on a query to read your own write."},
        "events": {"type": "array", "items": {"type": "string"}, "description": "Stored names; none if nothing new."},
    },
}
_NOT_OURS = frozenset({"HTTPValidationError", "ValidationError"})
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}]


def command_operation(reader: CommandReader, success: int) -> dict[str, Any]:
    route = reader.route
    parameters = [_path_parameter(name) for name in sorted(reader.ids)]
    parameters.append(_header("Idempotency-Key", required=True, about="1 to 200 visible characters of ASCII."))
    parameters.append(
        _header("If-Match", required=route.versioned, about='The versions that are as good, such as "3"; * for any.')
    )
    return {
        "tags": [route.path.split("/")[1]],
        "summary": route.summary,
        "operationId": reader.intent,
        "description": f"{route.summary}\n\nRoles: {', '.join(sorted(route.right))}.",
        "security": _SECURITY,
        "parameters": parameters,
        "requestBody": body_of("application/json", inline(reader.model)),
        "responses": {str(success): answer_of("What the command did.", "application/json", _RECEIPT)} | problems(),
    }


def bulk_operation(readers: Mapping[str, CommandReader]) -> dict[str, Any]:
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
            **_RECEIPT["properties"],
        },
    }
    return {
        "tags": ["commands"],
        "summary": "Send many commands at once, one on each line; get an answer for each line, in order.",
        "operationId": "send-commands",
        "security": _SECURITY,
        "requestBody": body_of("application/x-ndjson", line),
        "responses": {"200": answer_of("An answer on each line.", "application/x-ndjson", answer)} | problems(),
    }


def complete(document: Mapping[str, Any], commands: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that FastAPI made, with the doors of commands, and with refusals in the form that they have.

    FastAPI describes a form of its own for values that do not fit; here that is a problem as well.
    """
    paths: dict[str, Any] = {**commands, **document["paths"]}
    for operation in (each for path in paths.values() for each in path.values()):
        operation["responses"].get("422", {}).get("content", {}).pop("application/json", None)
    components = dict(document.get("components", {}))
    schemas = {name: schema for name, schema in components.pop("schemas", {}).items() if name not in _NOT_OURS}
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}
    components["securitySchemes"] = components.get("securitySchemes", {}) | {"bearer": scheme}
    return {**document, "paths": paths, "components": components | ({"schemas": schemas} if schemas else {})}


def inline(model: type[BaseModel]) -> dict[str, Any]:
    """Give the schema of a body with its nested schemas in place, so that it stands alone."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"].rpartition("/")[2]])
            return {key: resolve(value) for key, value in node.items()}
        if isinstance(node, list):
            return [resolve(item) for item in node]
        return node

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header(name: str, *, required: bool, about: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}, "description": about}


def body_of(media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def answer_of(about: str, media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {media_type: {"schema": schema}}}


def problems() -> dict[str, Any]:
    return {
        status: answer_of(about, "application/problem+json", _PROBLEM) for status, about in PROBLEM_STATUSES.items()
    }
