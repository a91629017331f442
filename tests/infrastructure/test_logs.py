from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
import structlog

from infrastructure.logs import configure_logs
from infrastructure.settings import LogFormat, Settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def _configured(**values: Any) -> io.StringIO:
    output = io.StringIO()
    configure_logs(Settings(**values), output)
    return output


def test_an_event_is_one_line_of_json_with_the_correlation_id() -> None:
    output = _configured()
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    structlog.get_logger("kroniek.projector").info("batch_applied", projection="consents", events=12)
    (line,) = _lines(output)
    assert datetime.fromisoformat(line.pop("at")).utcoffset() == timedelta(0)
    assert line == {
        "event": "batch_applied",
        "level": "info",
        "logger": "kroniek.projector",
        "correlation_id": "c-1",
        "projection": "consents",
        "events": 12,
    }


def test_the_standard_library_speaks_the_same_form() -> None:
    output = _configured()
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    (line,) = _lines(output)
    assert (line["event"], line["logger"], line["correlation_id"]) == (
        "Started server process [7]",
        "uvicorn.error",
        "c-1",
    )


@pytest.mark.parametrize(
    "key", ["national_number", "nationalNumber", "National-Number", "authorization", "token", "password", "bsn"]
)
def test_what_is_secret_or_somebodys_is_blotted_out_however_deep(key: str) -> None:
    output = _configured()
    structlog.get_logger().warning("refused", **{key: "85073003328"}, request={"headers": [{key: "85073003328"}]})
    logging.getLogger("library").warning("refused", extra={key: "85073003328"})
    assert "85073003328" not in output.getvalue()
    assert _lines(output)[0][key] == "[redacted]"


@pytest.mark.parametrize("log_format", get_args(LogFormat))
def test_an_exception_is_told_without_the_values_of_its_variables(log_format: LogFormat) -> None:
    output = _configured(log_format=log_format)

    def fail(number: str) -> None:
        assert number
        raise LookupError("nothing there")

    try:
        fail("850730" + "03328")
    except LookupError:
        structlog.get_logger().exception("projection_stopped")
    assert "LookupError" in output.getvalue()
    assert "85073003328" not in output.getvalue()


def test_an_exception_is_json_too_for_programs() -> None:
    output = _configured()
    try:
        dict[str, str]()["nothing there"]
    except LookupError:
        structlog.get_logger().exception("projection_stopped")
    assert _lines(output)[0]["exception"][0]["exc_type"] == "KeyError"


def test_what_is_below_the_level_is_not_written() -> None:
    output = _configured(log_level="warning")
    structlog.get_logger().info("batch_applied")
    logging.getLogger("uvicorn.error").info("started")
    assert output.getvalue() == ""


def test_a_terminal_gets_lines_for_people_unless_json_is_asked_for() -> None:
    terminal = Terminal()
    configure_logs(Settings(), terminal)
    structlog.get_logger().info("batch_applied", events=12, token="s3cret")
    assert "batch_applied" in terminal.getvalue()
    assert "s3cret" not in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    terminal = Terminal()
    configure_logs(Settings(log_format="json"), terminal)
    structlog.get_logger().info("batch_applied")
    assert _lines(terminal)[0]["event"] == "batch_applied"


def test_what_has_no_form_is_a_line_of_json_too() -> None:
    output = _configured()
    logging.getLogger("library").warning("%d of them", "three")
    structlog.get_logger("ours").info("odd", pair=chr(0xD800), number=1 << 80, name={1: "one"})
    warnings.showwarning("two\nlines", UserWarning, "a.py", 1)
    lost, odd, warned = _lines(output)
    assert (lost["event"], lost["logger"], lost["level"]) == ("line_lost", "library", "warning")
    assert (odd["pair"], odd["number"], odd["name"]) == (chr(0xD800), 1 << 80, {"1": "one"})
    assert "two\nlines" in warned["event"]
