"""The page of problems and the source name the same codes, with the same statuses."""

from __future__ import annotations

from tests.api.problems import documented
from tests.api.raised import codes_in_source


def test_every_code_has_one_status() -> None:
    assert {code: statuses for code, statuses in codes_in_source().items() if len(statuses) > 1} == {}


def test_the_page_lists_exactly_what_the_source_can_answer() -> None:
    in_source = {code: status for code, statuses in codes_in_source().items() for status in statuses}
    assert documented() == in_source
