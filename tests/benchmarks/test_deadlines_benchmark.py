"""The benchmark of deadlines in its smallest form: all are carried out, and the keys of the bars are there."""

import json

import pytest

from benchmarks import deadlines
from benchmarks.measuring import show


def test_what_falls_due_is_carried_out(capsys: pytest.CaptureFixture[str]) -> None:
    show(deadlines.measure(due=60, spread=4, total=48, rounds=1), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert set(said["ratios"]) == set(deadlines.BARS)
    assert min(found["median"] for found in said["measured"].values()) > 0
