"""Adapters and runners: the log and the read models in PostgreSQL, settings, logs, keys."""
