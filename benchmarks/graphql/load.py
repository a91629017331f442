"""Load from wrk: so many connections, each with one request in flight, and what came back.

wrk (https://github.com/wg/wrk) sends requests that a script of ours gives it. The script only hands out texts that were
made before the clock starts. Where answers have to be told apart, wrk looks at each of them, which costs it some time:
this is done beside what is measured, never for a rate.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts import Part

WRK = Part(
    name="wrk",
    purpose="The benchmarks of the query API",
    programs=("wrk",),
    packages=("wrk",),
)
CONNECTIONS = 16
TIMEOUT_S = 60
MOST_SECONDS = 32
MARGIN_S = 90
SHORT_OF = 0.9
"""The answers of a round are on average no shorter than so much of the one that was checked before."""

RESULT = "RESULT "

SCRIPT = """
local method, path, headers, bodies = {method}, {path}, {{{headers}}}, {{{bodies}}}
local texts, at, threads = {{}}, 0, {{}}
answered, refused, failed, sample = 0, 0, 0, ""
function setup(thread) table.insert(threads, thread) end
function init(arguments)
  for number, body in ipairs(bodies) do
    if method == "GET" then body = nil end
    texts[number] = wrk.format(method, path, headers, body)
  end
end
function request()
  at = at % #texts + 1
  return texts[at]
end
{response}
function done(summary, latency, requests)
  local errors, thread = summary.errors, threads[1]
  local sample = string.gsub(thread:get("sample"), '[%c"\\\\]', "'")
  io.write(string.format(
    '\\n{result}{{"requests":%d,"seconds":%f,"bytes":%d,"p99_ms":%f,"status":%d,"broken":%d,'
    .. '"answered":%d,"refused":%d,"failed":%d,"sample":"%s"}}\\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    thread:get("answered"), thread:get("refused"), thread:get("failed"), sample))
end
"""
TOLD_APART = """
function response(status, headers, body)
  if status == 429 or status == 503 then
    refused = refused + 1
  elseif (status == 200 or status == 304) and not string.find(body, '"errors"', 1, true) then
    answered = answered + 1
  else
    failed = failed + 1
    sample = status .. " " .. string.sub(body, 1, 300)
  end
end
"""


class LoadFailedError(RuntimeError):
    """Not every request was answered as it has to be: a rate of failures says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests that are sent in turn on so many connections; a GET has one body, which is empty and not sent."""

    base: str
    path: str = "/graphql"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    bodies: Sequence[str] = ("",)
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came back: `status` counts answers of 400 and above, `broken` connections and times that ran out.

    Where answers are told apart: those with data, those refused for now (429, 503), and all others, with a sample.
    """

    requests: int
    seconds: float
    bytes: int
    p99_ms: float
    status: int
    broken: int
    answered: int
    refused: int
    failed: int
    sample: str

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def load(requests: Requests, seconds: int, answer_bytes: int = 0) -> Outcome:
    """Send as fast as answers come; raise LoadFailedError if not all of them are of a good status and long enough.

    If less than one answer comes on each connection, this is done again for twice as long, within bounds.
    """
    with started(requests, seconds) as process:
        outcome = read_outcome(process, seconds)
    if outcome.status or outcome.broken:
        raise LoadFailedError(f"not every answer is a good one: {outcome}")
    if outcome.requests < requests.connections and 2 * seconds <= MOST_SECONDS:
        return load(requests, 2 * seconds, answer_bytes)
    if not outcome.requests or outcome.bytes / outcome.requests < SHORT_OF * answer_bytes:
        raise LoadFailedError(f"answers of {answer_bytes} bytes became shorter, or none came: {outcome}")
    return outcome


@contextmanager
def started(requests: Requests, seconds: int, *, told_apart: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Start wrk; `read_outcome` waits for its end."""
    with tempfile.TemporaryDirectory(prefix="kroniek-wrk-") as folder:
        script = Path(folder) / "requests.lua"
        script.write_text(script_of(requests, told_apart=told_apart))
        options = [
            "--threads=1",
            f"--connections={requests.connections}",
            f"--duration={seconds}s",
            f"--timeout={TIMEOUT_S}s",
        ]
        command = [WRK.path(), *options, f"--script={script}", requests.base]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def read_outcome(process: subprocess.Popen[str], seconds: int) -> Outcome:
    output, _ = process.communicate(timeout=seconds + MARGIN_S)
    return outcome_of(output)


def outcome_of(output: str) -> Outcome:
    """Read what the script wrote at its end; raise LoadFailedError if it did not come to that."""
    for line in output.splitlines():
        if line.startswith(RESULT):
            return Outcome(**json.loads(line.removeprefix(RESULT)))
    raise LoadFailedError(f"wrk ended without a result:\n{output}")


def script_of(requests: Requests, *, told_apart: bool) -> str:
    return SCRIPT.format(
        method=_quoted(requests.method),
        path=_quoted(requests.path),
        headers=", ".join(f"[{_quoted(name)}] = {_quoted(value)}" for name, value in requests.headers.items()),
        bodies=", ".join(map(_quoted, requests.bodies)),
        response=TOLD_APART if told_apart else "",
        result=RESULT,
    )


def _quoted(text: str) -> str:
    """Write a text as Lua does; ours have no control characters."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{quoted}"'
