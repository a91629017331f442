"""Logs are events: a snake_case verb with key-values. JSON lines for machines, colours for a person on a terminal."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from functools import lru_cache
from types import TracebackType
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

CACHED_KEYS = 1_024
_DEPTH = 6
_FLAT = frozenset({str, int, float})
_THIRD_PARTY = {
    "uvicorn": logging.NOTSET,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.NOTSET,
    "sqlalchemy": logging.WARNING,
    "httpx2": logging.WARNING,
}
"""The API logs each request itself, with its correlation id and without its query."""


_chosen: list[LogFormat] = ["auto"]


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all that a process says of itself to stderr in one form.

    That is structlog's events, the standard library's (uvicorn, sqlalchemy), warnings, and exceptions that nobody
    catches, of threads too.
    """
    output = stream or sys.stderr
    _chosen[:] = [settings.log_format]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers = _renderers(settings.log_format, output)
    # Our own events go straight to the output: the way over the standard library takes three times as long.
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=_Outputs(output),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name, level in _THIRD_PARTY.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
    # A line that cannot be written stops nothing, and is not told in another form.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(
        failed.exc_type, failed.exc_value, failed.exc_traceback, thread=getattr(failed.thread, "name", "")
    )
    sys.unraisablehook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def logs_are_json() -> bool:
    """Return whether the log of this process is for programs; before it is set up, whether stderr is no terminal."""
    return _is_json(_chosen[-1], sys.stderr)


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, **where: str
) -> None:
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        structlog.get_logger("uncaught").error("uncaught_exception", exc_info=(kind, error, trace), **where)


class _Handler(logging.StreamHandler[TextIO]):
    """Says of a line that cannot be made only whose it was, in the form of all others."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except (TypeError, ValueError, KeyError) as error:
            said = {"name": record.name, "levelname": record.levelname, "levelno": record.levelno}
            return super().format(logging.makeLogRecord(said | {"msg": "line_lost", "error": type(error).__name__}))


class _Outputs:
    """Makes the loggers that structlog hands its finished lines to: one for each name, all to one output."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._made: dict[str, _Output] = {}

    def __call__(self, *named: str) -> _Output:
        name = named[0] if named else _caller()
        made = self._made.get(name)
        if made is None:
            # One for each module that logs.
            made = self._made[name] = _Output(name, self._output, self._lock)
        return made


class _Output:
    """Writes lines. As with the standard library's handler, a line that cannot be written stops nothing."""

    def __init__(self, name: str, output: TextIO, lock: threading.Lock) -> None:
        self.name = name
        self._output = output
        self._lock = lock

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError), self._lock:
            self._output.write(line + "\n")
            self._output.flush()

    debug = info = warning = error = critical = msg


def _caller() -> str:
    """Return the name of the module that logs: the first frame outside of structlog."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to a caller
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("structlog"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact the value of every forbidden key, at every depth: more people read logs than registers."""
    if _FLAT.issuperset(map(type, event.values())) and not _is_any_forbidden(tuple(event)):
        return event
    return {
        key: value if type(value) in _FLAT and not _is_forbidden(key) else _redacted(key, value, _DEPTH)
        for key, value in event.items()
    }


def _redacted(key: str, value: object, depth: int) -> object:
    if _is_forbidden(key) or depth == 0:
        return REDACTED
    if isinstance(value, dict):
        return {name: _redacted(str(name), inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner, depth - 1) for inner in value]
    return value


@lru_cache(CACHED_KEYS)
def _is_forbidden(key: str) -> bool:
    return _plain(key) in _FORBIDDEN_PLAIN


@lru_cache(CACHED_KEYS)
def _is_any_forbidden(keys: tuple[str, ...]) -> bool:
    return any(map(_is_forbidden, keys))


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


_FORBIDDEN_PLAIN = frozenset(_plain(key) for key in FORBIDDEN)


def _is_json(chosen: LogFormat, output: TextIO) -> bool:
    return chosen == "json" or (chosen == "auto" and not output.isatty())


def _renderers(chosen: LogFormat, output: TextIO) -> list[Processor]:
    if not _is_json(chosen, output):
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
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Half a character pair, or a number of more than 64 bits.
        return json.dumps({str(key): value for key, value in event.items()}, default=str)
