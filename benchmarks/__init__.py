"""Measurements: ratios between ways of doing the same, taken side by side in one run on durable settings."""
