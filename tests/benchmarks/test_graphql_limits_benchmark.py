"""The benchmark of refusals in its smallest form: every document is timed, and the bar's key is there."""

import json

import pytest

from benchmarks import graphql_limits
from benchmarks.hostile_documents import HOSTILE
from benchmarks.measuring import show


def test_every_hostile_document_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    show(graphql_limits.measure(1), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert set(said["ratios"]) >= set(graphql_limits.BARS) == {"hostile_refused_p95_ms"}
    assert len(said["measured"]) == len(HOSTILE) + 1
