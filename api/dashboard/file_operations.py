"""The files of the figures in the OpenAPI document: the same table as CSV and as JSON, for anybody."""

from __future__ import annotations

from collections.abc import Mapping

from api.dashboard.links import ROOT
from api.dashboard.pages import FILE_PATHS
from api.rest.openapi import PROBLEM_STATUSES, Schema, answer_of, problem_schema
from domain.kernel import Jurisdiction
from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.figure_values import Quality
from projections.figures.translations import Language

STATUSES = ("400", "404", "429", "431", "503")
PERIOD = r"^[0-9]{4}(-(H[12]|[0-9]{2}(/[0-9]{4}-[0-9]{2})?))?$"

_TEXTS: Schema = {"type": "object", "required": list(Language), "additionalProperties": {"type": "string"}}
_OBSERVATION: Schema = {
    "type": "object",
    "required": ["period", "quality"],
    "description": "Values under the names of the CSV; null where there is no value.",
    "properties": {
        "period": {"type": "string", "pattern": PERIOD},
        "quality": {"type": "string", "enum": [quality.replace("_", "-") for quality in Quality]},
    },
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_TABLE: Schema = {
    "type": "object",
    "required": [
        *("figure", "definitionVersion", "unit", "jurisdiction", "period", "dimension"),
        *("position", "sample", "licence", "definition", "history", "observations"),
    ],
    "properties": {
        "figure": {"type": "string", "enum": list(DEFINITIONS)},
        "definitionVersion": {"type": "integer"},
        "unit": {"type": "string"},
        "jurisdiction": {"type": "string", "enum": list(Jurisdiction)},
        "period": {"type": "string", "pattern": PERIOD},
        "dimension": {"type": ["string", "null"]},
        "position": {"type": "integer", "description": "The position of the log up to which events were counted."},
        "sample": {"type": "boolean", "description": "Whether the events are made up."},
        "licence": {"type": "string", "description": "The SPDX name of the licence."},
        "definition": {"type": "object", "properties": {"title": _TEXTS, "text": _TEXTS}},
        "history": {
            "type": ["object", "null"],
            "description": "The first and the last month that the figure covers.",
            "properties": {"first": {"type": "string"}, "last": {"type": "string"}},
        },
        "observations": {"type": "array", "items": _OBSERVATION},
    },
}


def file_operations() -> Mapping[str, Mapping[str, Schema]]:
    """Return the operations by path and method."""
    return {f"{ROOT}{path}": {"get": _operation(path)} for path in FILE_PATHS}


def _operation(path: str) -> Schema:
    form = path.rpartition(".")[2]
    cut = "{dimension}" in path
    answer = (
        answer_of("One observation a row.", "text/csv", {"type": "string"})
        if form == "csv"
        else answer_of("The table and its definition.", "application/json", _TABLE)
    )
    answers = {
        "200": answer,
        "304": {"description": "The tag in If-None-Match is the current one."},
        **{it: answer_of(PROBLEM_STATUSES[it], "application/problem+json", problem_schema()) for it in STATUSES},
    }
    return {
        "tags": ["figures"],
        "summary": f"A published figure{', cut by a dimension,' if cut else ''} as {form.upper()}",
        "operationId": f"figure-{'parts-' if cut else ''}{form}",
        "description": "For anybody, also from pages of other origins. Where HTML is asked for, refusals are pages.",
        "security": [],
        "parameters": [
            _parameter("language", "path", {"type": "string", "enum": list(Language)}),
            _parameter("figure", "path", {"type": "string", "enum": [it.replace("_", "-") for it in DEFINITIONS]}),
            *([_parameter("dimension", "path", {"type": "string", "pattern": "^[a-z-]+$"})] if cut else ()),
            _parameter("jurisdiction", "query", {"type": "string", "enum": list(Jurisdiction)}),
            _parameter("period", "query", {"type": "string", "pattern": PERIOD}),
        ],
        "responses": answers,
    }


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
