"""Answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response

JSON = "application/json"


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """Answer with a value; instants in it are in UTC and end in `Z`."""
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), status, headers, media_type)
