"""The first page and, where the platform issues tokens itself, its authorization server (RFC 6749)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.rest.command_endpoints import read_body
from api.web.errors import Problem
from api.web.json_answers import json_response
from api.web.platform import base_of
from application.token_refusals import GrantRefusedError

LOG = structlog.get_logger()

FORM = "application/x-www-form-urlencoded"
JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
MAX_FORM_BYTES = 32_768
MAX_FIELDS = 20

_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""No cache holds an answer with a token, or with the reason why none is given (RFC 6749, section 5.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """The platform as its own authorization server.

    `grant` takes the fields of the form, the DPoP headers and the address of the endpoint; it returns the answer or
    raises GrantRefusedError.
    """

    name: str
    jwks: Callable[[], Mapping[str, object]]
    grant: Callable[[Mapping[str, str], Sequence[str], str], Awaitable[Mapping[str, object]]]
    algorithms: Sequence[str]


def entrance(issuer: TokenIssuer | None, public_url: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def root() -> Response:
        return RedirectResponse("/dashboard")

    if issuer is not None:
        _add_issuer(router, issuer, public_url)
    return router


def _add_issuer(router: APIRouter, issuer: TokenIssuer, public_url: str) -> None:
    @router.get(JWKS_PATH)
    async def jwks() -> Response:
        return json_response(issuer.jwks(), media_type="application/jwk-set+json")

    @router.get(METADATA_PATH)
    async def metadata(request: Request) -> Response:
        return json_response(_metadata(issuer, base_of(request, public_url)))

    @router.post(TOKEN_PATH)
    async def token(request: Request) -> Response:
        try:
            fields = await _fields(request)
            address = base_of(request, public_url) + TOKEN_PATH
            answer = await issuer.grant(fields, request.headers.getlist("dpop"), address)
        except GrantRefusedError as error:
            LOG.info("token_not_given", why=error.code)
            # A client that does not prove who it is gets 401, any other wrong request 400.
            status = 401 if error.code == "invalid_client" else 400
            return json_response({"error": error.code, "error_description": error.description}, status, _NOT_KEPT)
        LOG.info("token_given", kind=answer["token_type"])
        return json_response(answer, headers=_NOT_KEPT)


def _metadata(issuer: TokenIssuer, base: str) -> Mapping[str, object]:
    return {
        "issuer": issuer.name,
        "token_endpoint": base + TOKEN_PATH,
        "jwks_uri": base + JWKS_PATH,
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(issuer.algorithms),
        "dpop_signing_alg_values_supported": list(issuer.algorithms),
    }


async def _fields(request: Request) -> dict[str, str]:
    """Read a form, of which each field may stand once; an empty one counts as left out (RFC 6749, section 3.2)."""
    if "authorization" in request.headers:
        raise GrantRefusedError("invalid_request", "A client proves who it is with client_assertion alone.")
    try:
        body = await read_body(request, FORM, MAX_FORM_BYTES)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (Problem, ValueError) as error:
        raise GrantRefusedError("invalid_request", f"Send a small form as {FORM}.") from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise GrantRefusedError("invalid_request", "A field of the form stands there twice.")
    return {name: value for name, value in pairs if value}
