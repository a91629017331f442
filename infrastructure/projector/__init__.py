"""Runs projections: live behind the log, and in rebuilds beside the rows in use."""
