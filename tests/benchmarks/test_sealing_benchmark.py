"""The benchmark of sealing in its smallest form: each side sends its letters, and the bar's key is there."""

import json

import pytest

from benchmarks import sealing
from benchmarks.measuring import show


def test_each_side_sends_its_letters(capsys: pytest.CaptureFixture[str]) -> None:
    show(sealing.measure(48, 1), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert set(said["ratios"]) >= set(sealing.BARS) == {"command_sealed_vs_unsealed"}
    assert len(said["measured"]) == 7
    assert min(found["median"] for found in said["measured"].values()) > 0
