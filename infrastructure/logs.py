"""Logs are events: a snake_case verb with key-values. JSON lines for machines, colours for a person on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from infrastructure.settings import LogFormat, Settings

REDACTED = "[redacted]"
FORBIDDEN = frozenset(
    {
        "access_token",
        "address",
        "authorization",
        "birth_date",
        "blind_index_key",
        "body",
        "bsn",
        "client_assertion",
        "client_secret",
        "content",
        "cookie",
        "database_url",
        "date_of_birth",
        "dpop",
        "eidas_identifier",
        "email",
        "family_name",
        "given_name",
        "idempotency_key",
        "jwk",
        "jwt",
        "name_of_person",
        "national_number",
        "niss",
        "passphrase",
        "password",
        "payload",
        "phone",
        "private_key",
        "rrn",
        "secret",
        "set_cookie",
        "token",
    }
)
"""Keys whose values are somebody's or secret, in any writing: `nationalNumber` and `National-Number` count too."""

_DEPTH = 6
_THIRD_PARTY = {
    "uvicorn": logging.NOTSET,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.NOTSET,
    "sqlalchemy": logging.WARNING,
    "httpx2": logging.WARNING,
}
"""The API logs each request itself, with its correlation id and without its query."""


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog's events and the standard library's (uvicorn, sqlalchemy) to stderr in one form."""
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings.log_format, output),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name, level in _THIRD_PARTY.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.handlers.clear()
        logger.propagate = True


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact the value of every forbidden key, at every depth: more people read logs than registers."""
    return {key: _redacted(key, value, _DEPTH) for key, value in event.items()}


def _redacted(key: str, value: object, depth: int) -> object:
    if _plain(key) in _FORBIDDEN_PLAIN or depth == 0:
        return REDACTED
    if isinstance(value, dict):
        return {name: _redacted(str(name), inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner, depth - 1) for inner in value]
    return value


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


_FORBIDDEN_PLAIN = frozenset(_plain(key) for key in FORBIDDEN)


def _renderers(chosen: LogFormat, output: TextIO) -> list[Processor]:
    if chosen == "console" or (chosen == "auto" and output.isatty()):
        # As below: where the library "rich" is installed, the default would show the local variables.
        plain = structlog.dev.plain_traceback
        return [redact, structlog.dev.ConsoleRenderer(colors=output.isatty(), exception_formatter=plain)]
    return [
        # An exception's local variables are not shown: they may hold anything.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        redact,
        structlog.processors.EventRenamer("event"),
        _to_json,
    ]


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
