"""Requests of GraphQL over HTTP: the media type wanted, and the document with its variables, in body or address.

A document is given as text, or by the SHA-256 of a trusted one: as `documentId` of the draft's persisted documents,
`sha256:` before the hexadecimal digits, or as `extensions.persistedQuery.sha256Hash`, which Apollo's clients send.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request

from api.graph.protocol.trusted import hash_of, is_hash
from api.web.errors import Problem, problem_of
from api.web.header_fields import header_field
from api.web.negotiation import weights
from domain.kernel import MalformedValue
from domain.kernel.json_text import check_json

JSON, GRAPHQL, HTML = "application/json", "application/graphql-response+json", "text/html"
MAX_BODY_BYTES = 256 * 1024
CACHED_PREFERENCES = 256
PREFIX = "sha256:"


class GraphRequest(NamedTuple):
    """A well-formed request. It has a query, the hash of a document, or both; `apollo` tells how the hash was given."""

    query: str | None
    document_hash: str | None
    variables: dict[str, object]
    operation_name: str | None
    apollo: bool = False


async def graph_request(request: Request) -> GraphRequest:
    """Read a request; raise a problem if it is malformed."""
    return _read(await _from_body(request) if request.method == "POST" else _from_url(request))


def negotiated(request: Request, offered: tuple[str, ...]) -> str | None:
    """Choose the media type that the caller prefers among those offered (RFC 9110, 12.5.1); by default the first."""
    return _preferred(header_field(request.scope, b"accept"), offered)


@lru_cache(CACHED_PREFERENCES)
def _preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    if not accept.strip():
        return offered[0]
    given = weights(accept)

    def weight(candidate: str) -> float:
        ranges = (candidate, f"{candidate.partition('/')[0]}/*", "*/*")
        return next((given[media_range] for media_range in ranges if media_range in given), 0.0)

    best = max(offered, key=weight)
    return best if weight(best) > 0 else None


def _from_url(request: Request) -> object:
    """Read the parameters of the address: `variables` and `extensions` are JSON."""
    given: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if text := request.query_params.get(name):
            given[name] = _json(text.encode(), f"`{name}` is not JSON.")
        else:
            given[name] = None
    return given


async def _from_body(request: Request) -> object:
    if not _is_json(header_field(request.scope, b"content-type")):
        raise Problem(415, "unsupported-media-type", f"Send {JSON} in UTF-8.")
    parts, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > MAX_BODY_BYTES:
            raise Problem(413, "body-too-large", f"A request has at most {MAX_BODY_BYTES // 1024} KiB.")
    return _json(b"".join(parts), "The body is not JSON.")


@lru_cache(CACHED_PREFERENCES)
def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.replace('"', "").strip().lower()
    return media_type.strip().lower() == JSON and charset in {"", "charset=utf-8"}


def _json(text: bytes, otherwise: str) -> object:
    try:
        check_json(text)
        return orjson.loads(text)
    except MalformedValue as refusal:
        raise problem_of(refusal) from refusal
    except orjson.JSONDecodeError as error:
        raise Problem(400, "malformed-json", otherwise) from error


def _read(given: object) -> GraphRequest:
    if isinstance(given, list):
        raise Problem(400, "batch-not-allowed", "One request asks one thing; a list of requests is not answered.")
    if not isinstance(given, dict):
        raise Problem(400, "malformed-request", "The body is one JSON object.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    extensions = given.get("extensions")
    if variables is not None and not isinstance(variables, dict):
        raise Problem(400, "malformed-request", "`variables` is a JSON object.")
    if name is not None and not isinstance(name, str):
        raise Problem(400, "malformed-request", "`operationName` is a text.")
    if extensions is not None and not isinstance(extensions, dict):
        raise Problem(400, "malformed-request", "`extensions` is a JSON object.")
    persisted = (extensions or {}).get("persistedQuery")
    document_hash = _document_hash(given.get("documentId"), persisted)
    if (query is None or query == "") and document_hash:
        query = None
    elif not isinstance(query, str) or not query.strip():
        raise Problem(400, "query-missing", "`query` is the text of a GraphQL document.")
    elif document_hash and hash_of(query) != document_hash:
        raise Problem(400, "document-hash-mismatch", "The hash is not that of the document beside it.")
    return GraphRequest(query, document_hash, variables or {}, name or None, apollo=persisted is not None)


def _document_hash(document_id: object, persisted: object) -> str | None:
    """Return the hash that names a document, as `documentId` or as `extensions.persistedQuery`."""
    given = document_id.removeprefix(PREFIX) if isinstance(document_id, str) else document_id
    if given is None and persisted is not None:
        given = persisted.get("sha256Hash", "") if isinstance(persisted, dict) else persisted
    if given is None and persisted is None:
        return None
    if not isinstance(given, str) or not is_hash(given):
        raise Problem(400, "invalid-document-id", "A document is named by its SHA-256 in 64 hexadecimal digits.")
    return given
