"""The log: group commit into PostgreSQL, and readers by position."""
