"""The sample history: invented, deterministic, calibrated to the published figures, sent through the command path."""

from sample.runner import SampleProgress, SampleRefusedError, SampleReport, run_sample

__all__ = ["SampleProgress", "SampleRefusedError", "SampleReport", "run_sample"]
