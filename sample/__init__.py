"""The sample history: invented, deterministic, calibrated to the published figures, sent through the command path."""
