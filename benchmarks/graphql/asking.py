"""One request at a time, and whether contenders say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from benchmarks.graphql.load import Requests

ANSWER_WITHIN_S = 120

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}.*")
_NUMBER = re.compile(r"-?\d{1,30}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def size(self) -> int:
        return len(self.body)


class UnequalAnswersError(AssertionError):
    """Two contenders do not say the same, or one of them nothing: their rates cannot be compared."""


@contextmanager
def connection_to(base: str) -> Iterator[HTTPConnection]:
    where = urlsplit(base)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=ANSWER_WITHIN_S)
    try:
        yield connection
    finally:
        connection.close()


def ask(requests: Requests, number: int = 0) -> Answer:
    """Send one of the requests on a connection of its own."""
    with connection_to(requests.base) as connection:
        return ask_on(connection, requests, number)


def ask_on(connection: HTTPConnection, requests: Requests, number: int = 0) -> Answer:
    body = requests.bodies[number].encode() or None
    connection.request(requests.method, requests.path, body, dict(requests.headers))
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def data_of(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    """Return the data of an answer of GraphQL; raise UnequalAnswersError if there are errors in it."""
    content = json.loads(answer.body) if answer.body else {}
    if answer.status != 200 or content.get("errors") or not content.get("data"):  # noqa: PLR2004 - HTTP's own
        raise UnequalAnswersError(f"{answer.status} {answer.body[:500]!r}")
    return content["data"]


# --- Equal content --------------------------------------------------------------------------------------------------


def compare(answers: Mapping[str, Sequence[Any]], rows: int | None = None) -> None:
    """See that all say the same, in so many rows if that is known; raise UnequalAnswersError where they do not."""
    (first, expected), *others = answers.items()
    if not expected or (rows is not None and len(expected) != rows):
        raise UnequalAnswersError(f"{first} says {len(expected)} rows instead of {rows or 'some'}")
    for name, found in others:
        if plain(found) != plain(expected):
            raise UnequalAnswersError(f"{name} does not say what {first} says:{_difference(expected, found)}")


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the meaning of a value, without how a contender writes it.

    Enums are in capitals or not, large numbers are texts or not, instants have `Z` or an offset and as many digits as
    they like, and an empty text is left out or not.
    """
    match value:
        case dict():
            return {name: plain(it) for name, it in value.items()}
        case list():
            return [plain(it) for it in value]
        case str():
            return _plain_text(value)
        case None:
            return ""
        case _:
            return value


def _plain_text(text: str) -> datetime | int | str:
    if _INSTANT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC)
    return int(text) if _NUMBER.fullmatch(text) else text.lower()


def _difference(expected: Sequence[Any], found: Sequence[Any]) -> str:
    if len(expected) != len(found):
        return f" {len(found)} rows instead of {len(expected)}"
    at = next(at for at, (a, b) in enumerate(zip(expected, found, strict=True)) if plain(a) != plain(b))
    return f"\n  row {at}: {found[at]}\n  instead of {expected[at]}"
