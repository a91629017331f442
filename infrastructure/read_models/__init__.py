"""The read models for the doors: an engine for queries, their places in the log, and snapshots of one position."""
