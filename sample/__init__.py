"""The sample history: invented, deterministic, calibrated to the published figures, sent through the command path."""

from sample.expected import ExpectedFigure, ExpectedOpenRate, expected_figures, expected_index, expected_open_rates
from sample.runner import SampleProgress, SampleRefusedError, SampleReport, run_sample

__all__ = [
    "ExpectedFigure",
    "ExpectedOpenRate",
    "SampleProgress",
    "SampleRefusedError",
    "SampleReport",
    "expected_figures",
    "expected_index",
    "expected_open_rates",
    "run_sample",
]
