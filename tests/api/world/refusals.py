"""How a refusal is checked: the documented problem, its members, and that it repeats nothing of what was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from httpx2 import Response

from api.web.errors import TYPE_PREFIX

PAGE = Path(__file__).parents[3] / "docs" / "problems.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([0-9]{3}) \| \S.* \|$", re.MULTILINE)
MEMBERS = {"type", "title", "status", "detail", "instance", "issues"}
_CODE_WORD = re.compile(r"[a-z0-9_-]{0,40}")
"""Words of the platform's own language, such as `national_register`, may stand in an answer."""


def must_be_refused(answer: Response, status: int, code: str, said: Any = None) -> None:
    """Check that the answer is this problem, as documented, and repeats nothing of what was said."""
    assert (answer.status_code, problem_code(answer)) == (status, code), answer.text
    must_be_a_problem(answer, said)


def must_be_a_problem(answer: Response, said: Any = None) -> None:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert documented()[problem_code(answer)] == answer.status_code == problem["status"]
    assert problem.keys() <= MEMBERS
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == f"urn:uuid:{answer.headers['x-correlation-id']}"
    assert not {"etag", "x-position", "location"} & set(answer.headers)
    for text in texts(said):
        assert text not in answer.text, f"the answer repeats {text!r}"


def problem_code(answer: Response) -> str:
    return str(answer.json()["type"]).removeprefix(TYPE_PREFIX)


def texts(said: Any) -> Iterable[str]:
    """Yield what a caller said in words or numbers of their own."""
    match said:
        case dict():
            for value in said.values():
                yield from texts(value)
        case list():
            for value in said:
                yield from texts(value)
        case str() if len(said) > 3 and not _CODE_WORD.fullmatch(said):
            yield said
        case int() if not isinstance(said, bool) and abs(said) > 10_000:
            yield str(said)


@cache
def documented() -> Mapping[str, int]:
    """Return the status of each code on the page of problems."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    statuses = {code: int(status) for code, status in rows}
    assert len(statuses) == len(rows), "a code stands on the page twice"
    return statuses
